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

function desk() {
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
  const d = desk()
  d.join()
  expect(d.seen).toEqual({ user })
})

test('whoever replaces the whole state does not lose the user', () => {
  const d = desk()
  d.join()
  d.mine.setLocalState({ cursor: 1 })
  expect(d.mine.getLocalState()).toEqual({ cursor: 1, user })
})

test('at most one update in 60 ms, and the last one counts', () => {
  const d = desk()
  d.join()
  for (let i = 0; i < 50; i++) d.mine.setLocalStateField('cursor', i)
  expect(d.count).toBe(1)
  d.clock.pass(60)
  expect(d.count).toBe(2)
  expect(d.seen).toEqual({ user, cursor: 49 })
})

test('a broken connection shows nobody else, and coming back shows me again at once', () => {
  const d = desk()
  d.join()
  d.other.setLocalState({ x: 1 })
  d.sync.receive(encodeAwarenessUpdate(d.other, [d.other.clientID]))
  expect(d.mine.getStates().size).toBe(2)
  expect(d.count).toBe(1) // not echoed
  d.sync.lost()
  expect([...d.mine.getStates().keys()]).toEqual([d.mine.clientID])
  applyAwarenessUpdate(d.other, gone(d), 'server') // the server took me away, at the same clock
  expect(d.seen).toBeUndefined()
  d.join()
  expect(d.seen).toEqual({ user })
})

test('told that I am gone, I say that I am not', () => {
  const d = desk()
  d.join()
  d.sync.receive(gone(d))
  d.clock.pass(60)
  expect(d.count).toBe(2)
  expect(d.seen).toEqual({ user })
})

test('leaving says goodbye', () => {
  const d = desk()
  d.join()
  d.sync.destroy()
  expect(d.seen).toBeUndefined()
})

function gone(d: { mine: Awareness }): Uint8Array {
  return encodeAwarenessUpdate(d.mine, [d.mine.clientID], new Map())
}
