import { expect, it } from 'vitest'
import { instructions, type System } from './provision.ts'

const debian: System = { platform: 'linux', machine: 'x64', hasApt: true, isRoot: false }

it('tells the lines to type on Debian', () => {
  const text = instructions(['redis', 'postgres', 'mongo'], debian)
  expect(text).toContain('sudo apt-get install -y redis-server\n')
  expect(text).toContain('sudo apt-get install -y postgresql\n')
  expect(text).toMatch(/sudo apt-get install -y python3-pip\n {2}bash .*provision\.sh mongo\n/)
  expect(text).toContain('REDIS_URL, POSTGRES_URL, MONGODB_URL')
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
