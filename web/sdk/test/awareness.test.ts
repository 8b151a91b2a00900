import { afterEach, expect, test } from 'vitest'
import { Awareness, applyAwarenessUpdate, encodeAwarenessUpdate } from 'y-protocols/awareness'
import * as Y from 'yjs'
import { AwarenessSync } from '../src/awareness.ts'
import type { Body } from '../src/frame.ts'
import { FakeClock } from './clock.ts'

const ends: (() => void)[] = []
afterEach(() => ends.splice(0).forEach((end) => end()))

const me = { id: 'ana', name: 'Ana', slot: 8 }
const user = { id: 'ana', name: 'Ana', color: '#3065cc', colorLight: '#3065cc33', slot: 8 }

function setup() {
  const clock = new FakeClock()
  const sync = new AwarenessSync(new Y.Doc(), clock)
  const other = new Awareness(new Y.Doc())
  let count = 0
  ends.push(() => { sync.destroy(); other.destroy() })
  return {
    clock, sync, other, mine: sync.awareness,
    get count() { return count },
    get seen() { return other.getStates().get(sync.awareness.clientID) },
    join() {
      sync.joined((b: Body) => {
        if (b.type !== 1) throw new Error('not awareness')
        count++
        applyAwarenessUpdate(other, b.bytes, 'wire')
      }, me)
    },
  }
}

test('a person is seen as soon as they have joined, with their colours', () => {
  const d = setup()
  d.join()
  expect(d.seen).toEqual({ user })
})

test('replacing the whole state keeps the user', () => {
  const d = setup()
  d.join()
  d.mine.setLocalState({ cursor: 1 })
  expect(d.mine.getLocalState()).toEqual({ cursor: 1, user })
})

test('at most one update in 60 ms, and the last one counts', () => {
  const d = setup()
  d.join()
  for (let i = 0; i < 50; i++) d.mine.setLocalStateField('cursor', i)
  expect(d.count).toBe(1)
  d.clock.pass(60)
  expect(d.count).toBe(2)
  expect(d.seen).toEqual({ user, cursor: 49 })
})

test('without a connection nobody else is shown, and after a reconnect my state is sent at once', () => {
  const d = setup()
  d.join()
  d.other.setLocalState({ x: 1 })
  d.sync.receive(encodeAwarenessUpdate(d.other, [d.other.clientID]))
  expect(d.mine.getStates().size).toBe(2)
  expect(d.count).toBe(1) // not echoed
  d.sync.lost()
  expect([...d.mine.getStates().keys()]).toEqual([d.mine.clientID])
  applyAwarenessUpdate(d.other, gone(d), 'server') // the server removes my state, at the same clock
  expect(d.seen).toBeUndefined()
  d.join()
  expect(d.seen).toEqual({ user })
})

test('when my state is removed, it is sent again', () => {
  const d = setup()
  d.join()
  d.sync.receive(gone(d))
  d.clock.pass(60)
  expect(d.count).toBe(2)
  expect(d.seen).toEqual({ user })
})

test('leaving removes my state', () => {
  const d = setup()
  d.join()
  d.sync.destroy()
  expect(d.seen).toBeUndefined()
})

function gone(d: { mine: Awareness }): Uint8Array {
  return encodeAwarenessUpdate(d.mine, [d.mine.clientID], new Map())
}
