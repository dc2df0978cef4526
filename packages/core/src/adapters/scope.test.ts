import { describe, expect, test } from 'vitest'
import { InvalidArgumentError } from '../errors/sched-error.ts'
import { scopeOf } from './scope.ts'

describe('scopeOf', () => {
  test('names product, project and environment', () => {
    expect(scopeOf({ project: 'billing', environment: 'production' })).toBe('sched:billing:production')
    expect(scopeOf({ product: 'crm', project: 'p', environment: 'e' })).toBe('crm:p:e')
  })

  test('never gives one scope to different parts', () => {
    const parts = ['a', 'b', 'a:b', 'b:c', 'c', 'a%3Ab', '%3A', ':', '%']
    const scopes = parts.flatMap((project) =>
      parts.flatMap((environment) => parts.map((product) => scopeOf({ product, project, environment }))),
    )
    expect(new Set(scopes).size).toBe(parts.length ** 3)
    expect(scopes.every((scope) => scope.split(':').length === 3)).toBe(true)
  })

  test('measures the parts as escaped, in bytes', () => {
    expect(scopeOf({ project: 'é'.repeat(64), environment: 'e' })).toBe(`sched:${'é'.repeat(64)}:e`)
    expect(() => scopeOf({ project: 'é'.repeat(65), environment: 'e' })).toThrow(
      'project must be at most 128 bytes (a ":" or "%" counts as three), not 130',
    )
    expect(() => scopeOf({ project: ':'.repeat(43), environment: 'e' })).toThrow('not 129')
    expect(() => scopeOf({ product: 'p'.repeat(65), project: 'p', environment: 'e' })).toThrow(
      'at most 64 bytes',
    )
  })

  test('refuses what is no name', () => {
    for (const project of ['', 'a\0b', '\ud800', 7 as unknown as string, undefined as unknown as string])
      expect(() => scopeOf({ project, environment: 'e' })).toThrow(InvalidArgumentError)
  })
})
