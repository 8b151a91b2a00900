import { expect, test } from 'vitest'
import type { Fields } from '../src/events.ts'
import { Watching } from '../src/watch.ts'
import { settle } from './clock.ts'
import { limits } from './fixtures.ts'

function setup() {
  const sent: [string, unknown][] = []
  const warned: string[] = []
  const watching = new Watching((name, data) => sent.push([name, (data as Fields)['users']]), (_level, message) => warned.push(message))
  return { sent, warned, watching }
}

const at = (status: string, more: Fields = {}): Fields => ({ status, devices: 1, ...more })

test('people are watched while there is a subscriber, once each, and again on a new connection', async () => {
  const { sent, watching } = setup()
  const both = watching.watch(['ana', 'ben', 'ana'])
  watching.up(limits.watched)
  expect(sent).toEqual([])
  const [end, endOne] = [both.subscribe(() => {}), watching.watch(['ben']).subscribe(() => {})]
  await settle()
  expect(sent.splice(0)).toEqual([['watch', ['ana', 'ben']]])
  watching.down()
  watching.up(limits.watched)
  expect(sent.splice(0)).toEqual([['watch', ['ana', 'ben']]])
  end()
  await settle()
  expect(sent.splice(0)).toEqual([['unwatch', ['ana']]])
  endOne()
  const again = watching.watch(['ben']).subscribe(() => {})
  await settle()
  expect(sent).toEqual([])
  again()
})

test('a known status is shown to new subscribers, and dropped with the connection', async () => {
  const { watching } = setup()
  watching.up(limits.watched)
  const people = watching.watch(['ana', 'ben'])
  const end = people.subscribe(() => {})
  await settle()
  watching.received({ users: { ana: at('idle'), ben: at('offline', { lastSeen: '2026-11-22T10:00:00Z', devices: 0 }), eve: at('online'), bad: 7, worse: at('dancing') } })
  expect([...people.get()]).toEqual([['ana', { status: 'idle', devices: 1 }], ['ben', { status: 'offline', devices: 0, lastSeen: '2026-11-22T10:00:00Z' }]])
  const before = people.get()
  watching.received({ users: { eve: at('away') } })
  expect(people.get()).toBe(before)
  watching.down()
  expect(people.get().size).toBe(0)
  end()
})

test('no more people are watched than the server allows', async () => {
  const { sent, warned, watching } = setup()
  watching.up(limits.watched)
  const end = watching.watch(Array.from({ length: 250 }, (_, i) => `u${i}`)).subscribe(() => {})
  await settle()
  expect((sent[0]?.[1] as string[]).length).toBe(200)
  expect(warned).toHaveLength(1)
  end()
})
