import fc from 'fast-check'
import { expect, test } from 'vitest'
import { fromJsonb, toJsonb } from './jsonb-text.ts'

const texts = fc.string({
  unit: fc.constantFrom('\0', '\u0001', '\u0002', '\\', 'u', '0', '1', '"', 'é', '\n'),
})

test('what is stored has no NUL, and comes back as it was', () => {
  fc.assert(
    fc.property(fc.dictionary(texts, texts), (value) => {
      const stored = toJsonb(JSON.stringify(value))
      expect(JSON.stringify(JSON.parse(stored))).not.toMatch(/(?<!\\)(\\\\)*\\u0000/)
      expect(JSON.parse(fromJsonb(stored))).toEqual(value)
    }),
  )
})

test('the order of strings by bytes stays', () => {
  const stored = (text: string) => JSON.parse(toJsonb(JSON.stringify(text))) as string
  fc.assert(
    fc.property(texts, texts, (a, b) => {
      const order = Buffer.compare(Buffer.from(a), Buffer.from(b))
      expect(Buffer.compare(Buffer.from(stored(a)), Buffer.from(stored(b)))).toBe(order)
    }),
  )
})
