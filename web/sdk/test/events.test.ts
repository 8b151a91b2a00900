import { decode } from '@msgpack/msgpack'
import { describe, expect, test } from 'vitest'
import { decodeEvent, encodeEvent, readLimits } from '../src/events.ts'
import type { ClientEvents } from '../src/generated/commands.ts'
import type { ServerEvents, WireLimits } from '../src/generated/events.ts'
import { readMessage } from '../src/message.ts'
import { eventFixtures, limits } from './fixtures.ts'

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')
const bytes = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, 'hex'))

describe('the fixtures that Go writes', () => {
  test.each(eventFixtures.map((f, i) => ({ ...f, i })))('$i $from $name is read as its JSON says', ({ name, json, msgpack }) => {
    expect(decodeEvent(bytes(msgpack))).toEqual({ name, data: json })
    expect(decode(bytes(msgpack))).toEqual([name, json])
  })

  test.each(eventFixtures.filter((f) => f.from === 'client'))('$name is written to the byte', ({ name, json, msgpack }) => {
    expect(hex(encodeEvent(name, json))).toBe(msgpack)
  })

  test('a message keeps every member', () => {
    const json = eventFixtures.find((f) => f.name === 'message.changed')?.json ?? {}
    const { version: _, mentions, reactions, replies, quote, ...rest } = json as ServerEvents['message.changed']
    const message = readMessage(json, { me: 'cy', slot: () => 3 })
    expect(message).toMatchObject({
      ...rest, mentions, quote, replies, user: { ...rest.user, slot: 3 },
      reactions: reactions.map((r) => ({ ...r, mine: true })), mine: false, mentionsMe: true, state: 'sent',
    })
  })
})

test('limits are believed only if every one of them is there and above 0', () => {
  expect(limits.step2).toBeGreaterThan(limits.update)
  expect(readLimits(limits)).toEqual(limits)
  for (const name of Object.keys(limits) as (keyof WireLimits)[]) {
    const { [name]: _, ...rest } = limits
    expect(readLimits(rest), name).toBeUndefined()
    expect(readLimits({ ...limits, [name]: 0 }), name).toBeUndefined()
    expect(readLimits({ ...limits, [name]: '1' }), name).toBeUndefined()
  }
  for (const v of [undefined, null, 1, [], 'limits']) expect(readLimits(v)).toBeUndefined()
})

test('every event has a name that the types know', () => {
  // A name that is missing here, or too many, does not compile.
  const server: { [N in keyof ServerEvents]: true } = {
    welcome: true, joined: true, role: true, refused: true, left: true, pong: true, sent: true, unsent: true, done: true, failed: true,
    status: true, read: true, message: true, 'message.changed': true, line: true, typing: true, 'typing.thread': true, presence: true,
    storage: true, connected: true, notification: true, counts: true,
  }
  const client: { [N in keyof ClientEvents]: true } = {
    hello: true, join: true, leave: true, active: true, watch: true, unwatch: true, ping: true,
    send: true, typing: true, edit: true, delete: true, react: true, read: true,
  }
  for (const from of ['server', 'client'] as const) {
    const names = new Set(eventFixtures.filter((f) => f.from === from).map((f) => f.name))
    expect([...names].sort()).toEqual(Object.keys(from === 'server' ? server : client).sort())
  }
})
