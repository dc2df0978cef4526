import { expect, it } from 'vitest'
import { instructions, type System } from './provision.ts'

const debian: System = { platform: 'linux', machine: 'x64', hasApt: true, isRoot: false }

it('tells the line to type on Debian', () => {
  const text = instructions(['redis', 'postgres', 'mongo'], debian)
  expect(text).toContain(
    '\n  sudo apt-get update && sudo apt-get install -y redis-server postgresql python3-pip libcurl4\n',
  )
  expect(text).toContain('REDIS_URL, POSTGRES_URL, MONGODB_URL')
  expect(instructions(['redis'], { ...debian, isRoot: true })).toContain(
    '\n  apt-get update && apt-get install -y redis-server\n',
  )
})

it('tells the lines to type on a Mac', () => {
  const text = instructions(['postgres'], { ...debian, platform: 'darwin', hasApt: false })
  expect(text).toContain('brew install postgresql@17')
  expect(text).not.toContain('apt-get')
})

it('names the program where it knows no packages', () => {
  const text = instructions(['redis', 'mongo'], { ...debian, machine: 'arm64', hasApt: false })
  expect(text).toContain('redis-server is on the PATH')
  expect(text).toContain('mongod is on the PATH')
})
