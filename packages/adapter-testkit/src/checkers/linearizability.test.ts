import { expect, test } from 'vitest'
import { Random } from '../random.ts'
import { checkLinearizable, type Operation, type SequentialModel } from './linearizability.ts'

type Input = { write: number } | 'read'
type Output = number | 'ok'

const register: SequentialModel<number, Input, Output> = {
  initial: 0,
  apply: (state, input) =>
    input === 'read' ? { state, output: state } : { state: input.write, output: 'ok' },
  key: String,
  equal: (seen, expected) => seen === expected,
}

function op(
  client: string,
  called: number,
  answered: number,
  input: Input,
  output?: Output,
): Operation<Input, Output> {
  return { client, called, answered, input, output }
}

test('a read may see an overlapping write, or not yet', () => {
  for (const seen of [0, 1])
    expect(
      checkLinearizable([op('a', 0, 10, { write: 1 }, 'ok'), op('b', 5, 6, 'read', seen)], register).result,
    ).toBe('linearizable')
})

test('a read after the answer of a write must see it', () => {
  const verdict = checkLinearizable([op('a', 0, 1, { write: 1 }, 'ok'), op('b', 2, 3, 'read', 0)], register)
  expect(verdict).toMatchObject({ result: 'not-linearizable', stuck: [{ client: 'b' }] })
})

test('two reads of overlapping writes must agree on one order', () => {
  const writes = [op('a', 0, 10, { write: 1 }, 'ok'), op('b', 0, 10, { write: 2 }, 'ok')]
  const agree = [op('c', 11, 12, 'read', 1), op('d', 11, 12, 'read', 1)]
  const differ = [op('c', 11, 12, 'read', 1), op('d', 13, 14, 'read', 2)]
  expect(checkLinearizable([...writes, ...agree], register).result).toBe('linearizable')
  expect(checkLinearizable([...writes, ...differ], register).result).toBe('not-linearizable')
})

test('a write whose answer was lost may have happened at any later time, or never', () => {
  const lost = op('a', 0, Number.POSITIVE_INFINITY, { write: 7 })
  expect(checkLinearizable([lost, op('b', 5, 6, 'read', 0), op('b', 7, 8, 'read', 7)], register).result).toBe(
    'linearizable',
  )
  expect(checkLinearizable([lost, op('b', 5, 6, 'read', 0)], register).result).toBe('linearizable')
  expect(checkLinearizable([lost, op('b', 5, 6, 'read', 7), op('b', 7, 8, 'read', 0)], register).result).toBe(
    'not-linearizable',
  )
})

test('a history made by a real register passes, and with one answer changed it fails', () => {
  const random = new Random(5)
  const history: Operation<Input, Output>[] = []
  let value = 0
  let now = 0
  for (let n = 0; n < 400; n++) {
    // each takes effect at `now`, somewhere between its call and its answer
    now += 1
    const [called, answered] = [now - random.next() * 0.9, now + random.next() * 0.9]
    const input: Input = random.bool() ? 'read' : { write: n }
    if (input !== 'read') value = input.write
    history.push(op(`c${n % 6}`, called, answered, input, input === 'read' ? value : 'ok'))
  }
  expect(checkLinearizable(history, register).result).toBe('linearizable')
  const at = history.findLastIndex((one) => one.input === 'read')
  const changed = history.with(at, { ...history[at]!, output: -1 })
  expect(checkLinearizable(changed, register).result).toBe('not-linearizable')
})

test('too much to search is inconclusive', () => {
  const many = Array.from({ length: 9 }, (_, n) => op(`c${n}`, n, n + 0.5, 'read', 0))
  expect(checkLinearizable(many, register).result).toBe('inconclusive')
})
