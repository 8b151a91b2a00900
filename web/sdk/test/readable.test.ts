import { expect, test } from 'vitest'
import { Cell, derived } from '../src/readable.ts'
import { settle } from './clock.ts'

test('subscribe calls at once, then once for all changes of a turn', async () => {
  const c = new Cell(1)
  const seen: number[] = []
  const end = c.subscribe((v) => seen.push(v))
  c.set(2)
  c.set(3)
  expect(c.get()).toBe(3)
  expect(seen).toEqual([1])
  await settle()
  expect(seen).toEqual([1, 3])
  c.set(3)
  end()
  c.set(4)
  await settle()
  expect(seen).toEqual([1, 3])
})

test('the owner is told of the first subscriber and of the last one leaving', () => {
  const events: boolean[] = []
  const c = new Cell(0, (on) => events.push(on))
  const run = (): void => {}
  const a = c.subscribe(run), b = c.subscribe(run)
  a(); a(); b()
  expect(events).toEqual([true, false])
})

test('a derived value keeps its identity while its sources do', async () => {
  const a = new Cell(1), b = new Cell(2)
  let made = 0
  const sum = derived([a, b], (x, y) => ({ sum: x + y, made: ++made }))
  expect(sum.get()).toBe(sum.get())
  const seen: number[] = []
  sum.subscribe((v) => seen.push(v.sum))
  a.set(2)
  b.set(3)
  expect(sum.get().sum).toBe(5)
  await settle()
  expect(seen).toEqual([3, 5])
  expect(made).toBe(2)
})
