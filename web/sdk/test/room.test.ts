import { afterEach, expect, test } from 'vitest'
import * as Y from 'yjs'
import { decodeEvent, encodeEvent, type Fields } from '../src/events.ts'
import type { Body } from '../src/frame.ts'
import { Api } from '../src/http.ts'
import { LinkState } from '../src/link.ts'
import { RoomSession } from '../src/room.ts'
import { FakeClock, settle } from './clock.ts'
import { limits } from './fixtures.ts'

const ends: (() => void)[] = []
afterEach(() => ends.splice(0).forEach((end) => end()))

function setup() {
  const clock = new FakeClock()
  const link = new LinkState(clock)
  const said: [number, string, Fields][] = []
  const gone: string[] = []
  let channel = 0
  const socket = {
    up: false,
    channel: () => ++channel,
    limits: () => limits,
    send(to: number, body: Body) {
      const e = body.type === 16 ? decodeEvent(body.bytes) : undefined
      if (e) said.push([to, e.name, e.data])
      return socket.up
    },
  }
  const none = (() => Promise.resolve(Response.json({ messages: [] }))) as typeof fetch
  const room = new RoomSession('bio', {}, {
    socket, link: link.readable, clock, log: () => {}, api: new Api('http://x', { token: () => Promise.resolve('t') }, none),
    onGone: (r) => gone.push(r.id),
  })
  ends.push(() => room.destroy())
  return {
    clock, link, said, gone, socket, room,
    connect() { link.connecting(); link.online(); socket.up = true; room.up() },
    break() { socket.up = false; room.down(); link.lost('network', 1, null) },
    joined(on: number, more: Fields = {}) {
      room.received(on, { type: 16, bytes: encodeEvent('joined', {
        room: 'bio', role: 'write', user: { id: 'ana', name: 'Ana' }, slot: 7, typing: [], lastSeq: 0,
        people: [person('ana', 7), person('ben', 2, 'idle'), person('cy', 4)], ...more,
      }) })
    },
  }
}

const person = (id: string, slot: number, status = 'online'): Fields =>
  ({ id, name: id, slot, status, devices: 1, since: '2026-11-22T10:00:00Z' })

test('every join uses a new channel; frames of an old channel are ignored', () => {
  const d = setup()
  d.connect()
  expect(d.said).toEqual([[0, 'join', { channel: 1, room: 'bio' }]])
  expect(d.room.link.get().state).toBe('connecting')
  d.joined(1)
  expect(d.room.link.get().state).toBe('online')
  expect(d.room.role.get()).toBe('write')
  d.break()
  d.connect()
  expect(d.said.at(-1)).toEqual([0, 'join', { channel: 2, room: 'bio' }])
  expect(d.room.received(1, { type: 17, n: 1 })).toBe(false)
  expect(d.room.received(2, { type: 17, n: 1 })).toBe(true)
})

test('people: me apart, active people first, joins and leaves', () => {
  const d = setup()
  d.connect()
  d.joined(1)
  const { me, others } = d.room.presence
  expect(me.get()).toMatchObject({ id: 'ana', slot: 7, color: '#0573aa', colorLight: '#0573aa33', state: 'active' })
  expect(others.get().map((p) => p.id)).toEqual(['cy', 'ben'])
  const cy = others.get()[0]
  d.room.received(1, { type: 16, bytes: encodeEvent('presence', { joins: [person('ben', 2), person('cy', 4)], leaves: [] }) })
  expect(others.get().map((p) => p.id)).toEqual(['ben', 'cy'])
  expect(others.get()[1]).toBe(cy)
  d.room.received(1, { type: 16, bytes: encodeEvent('presence', { joins: [], leaves: ['ben', 'ana'] }) })
  expect(others.get().map((p) => p.id)).toEqual(['cy'])
  expect(me.get()?.id).toBe('ana')
  expect(d.room.presence.count.get()).toBe(2)
  d.room.received(1, { type: 16, bytes: encodeEvent('presence', { joins: [], leaves: ['nobody'], count: 312 }) })
  expect(d.room.presence.count.get()).toBe(312)
  d.break()
  expect(others.get()).toEqual([])
  expect(d.room.presence.count.get()).toBe(0)
})

test('a final refusal closes the room, a temporary one is retried', () => {
  const d = setup()
  d.connect()
  expect(d.room.refused(2, 4403, 'not yours')).toBe(false)
  d.room.refused(1, 1013, 'later')
  expect(d.room.link.get().state).toBe('connecting')
  d.clock.pass(1_000)
  expect(d.said.at(-1)).toEqual([0, 'join', { channel: 2, room: 'bio' }])
  d.room.refused(2, 4403, 'you may not enter this room')
  expect(d.room.link.get()).toMatchObject({ state: 'closed', reason: 'forbidden', error: { message: 'you may not enter this room' } })
  const said = d.said.length
  d.clock.pass(100_000)
  d.room.up()
  expect(d.said).toHaveLength(said)
  d.room.reconsider()
  expect(d.said.at(-1)).toEqual([0, 'join', { channel: 3, room: 'bio' }])
})

test('the last leave() leaves after 5 s, unless the room is used again or work is unsaved', () => {
  const d = setup()
  d.room.use()
  d.room.use()
  d.connect()
  d.joined(1)
  d.room.leave()
  d.clock.pass(10_000)
  expect(d.gone).toEqual([])
  d.room.leave()
  d.clock.pass(4_999)
  d.room.use()
  d.clock.pass(10_000)
  expect(d.gone).toEqual([])
  d.room.doc.getText('t').insert(0, 'x')
  d.room.leave()
  d.clock.pass(30_000)
  expect(d.gone).toEqual([])
  d.room.received(1, { type: 0, kind: 0, bytes: Y.encodeStateVector(new Y.Doc()) })
  d.room.received(1, { type: 17, n: 1 })
  d.clock.pass(5_000)
  expect(d.gone).toEqual(['bio'])
})

test('the provider emits the events that editors expect', async () => {
  const d = setup()
  const { provider } = d.room
  const events: unknown[] = []
  provider.on('status', (e) => events.push(e.status))
  provider.on('sync', (on) => events.push(on))
  provider.once('unsyncedChanges', (e) => events.push(e.number))
  const off = (): void => { events.push('never') }
  provider.on('synced', off)
  provider.off('synced', off)
  expect(provider.status).toBe('disconnected')
  d.connect()
  await settle()
  d.joined(1)
  await settle()
  expect(provider.synced).toBe(false)
  d.room.received(1, { type: 0, kind: 0, bytes: Uint8Array.of(0) })
  d.room.received(1, { type: 0, kind: 1, bytes: Uint8Array.of(0, 0) })
  await d.room.synced
  d.room.doc.getText('t').insert(0, 'x')
  expect([provider.synced, provider.isSynced, provider.wsconnected, provider.hasUnsyncedChanges, provider.unsyncedChanges]).toEqual([true, true, true, true, 1])
  await settle()
  provider.disconnect()
  expect(d.said.at(-1)).toEqual([0, 'leave', { channel: 1 }])
  await settle()
  expect(events).toEqual(['connecting', 'connected', true, 1, 'disconnected', false])
  expect(d.room.safety.get().state).toBe('memory')
  provider.connect()
  expect(d.said.at(-1)).toEqual([0, 'join', { channel: 2, room: 'bio' }])
})

test('a malformed body is ignored', () => {
  const d = setup()
  d.connect()
  d.joined(1)
  d.room.received(1, { type: 0, kind: 2, bytes: Uint8Array.of(9, 9, 9) })
  d.room.received(1, { type: 1, bytes: Uint8Array.of(200) })
  d.room.received(1, { type: 16, bytes: Uint8Array.of(0xc1) })
  d.room.doc.getText('t').insert(0, 'x')
  expect(d.room.doc.getText('t').toString()).toBe('x')
})
