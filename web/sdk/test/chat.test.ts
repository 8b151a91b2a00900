import { describe, expect, test } from 'vitest'
import { ChatState } from '../src/chat.ts'
import type { Fields } from '../src/events.ts'
import { RoomError } from '../src/errors.ts'
import type { Message } from '../src/types.ts'
import { FakeClock, settle } from './clock.ts'
import { limits } from './fixtures.ts'

const me = { id: 'ana', name: 'Ana' }

/** A chat whose server is played by the test. */
function setup(history: number[] = []) {
  const clock = new FakeClock()
  const sent: [string, Fields][] = []
  const asked: string[] = []
  const server = { history, fail: false }
  const d = {
    clock, sent, asked,
    get history() { return server.history },
    set history(seqs: number[]) { server.history = seqs },
    set fail(on: boolean) { server.fail = on },
    chat: new ChatState({
      room: 'class/7', clock, slot: () => 3, log: () => {},
      api: {
        get: (path) => {
          asked.push(path)
          if (server.fail) return Promise.reject(new RoomError('offline', 'no'))
          const q = new URL(path, 'http://x').searchParams
          const [before, after, limit] = ['before', 'after', 'limit'].map((k) => Number(q.get(k) ?? 0)) as [number, number, number]
          const all = server.history.filter((n) => n > after && (before === 0 || n < before))
          return Promise.resolve({ messages: (after > 0 ? all.slice(0, limit) : all.slice(-limit)).map((n) => stored(n)) })
        },
      },
    }),
    join(lastSeq = server.history.at(-1) ?? 0) { d.chat.joined((name, data) => sent.push([name, data]), me, { lastSeq, typing: [] }, limits) },
    get rows(): readonly Message[] { return d.chat.messages.get() },
    get seqs(): (number | undefined)[] { return d.rows.map((m) => m.seq) },
    sends() { return sent.filter(([n]) => n === 'send').map(([, data]) => data['id']) },
  }
  return d
}

function stored(seq: number, more: Fields = {}): Fields {
  return {
    id: `m${seq}`, seq, room: 'class/7', user: { id: 'ben', name: 'Ben' }, text: `text ${seq}`, mentions: [], reactions: [],
    createdAt: '2026-11-22T10:00:00Z', editedAt: null, deleted: false, ...more,
  }
}

const range = (from: number, to: number): number[] => Array.from({ length: to - from + 1 }, (_, i) => from + i)

describe('sending', () => {
  test('the row is shown at once and becomes the stored message, whichever answer comes first', async () => {
    for (const order of [['message', 'sent'], ['sent', 'message']]) {
      const d = setup()
      d.join()
      const promise = d.chat.send({ text: 'hi', quote: { text: 'q' }, thread: 'm1' })
      expect(d.rows).toMatchObject([{ text: 'hi', state: 'sending', mine: true, user: { ...me, slot: 3 } }])
      const { id } = d.rows[0]!
      expect(id).toMatch(/^[0-9A-HJKMNP-TV-Z]{26}$/)
      expect(d.sent).toEqual([['send', { id, text: 'hi', thread: 'm1', quote: '{"text":"q"}' }]])
      const m = stored(1, { id, user: me, text: 'hi' })
      for (const name of order) d.chat.event(name!, name === 'sent' ? { id, message: m } : m)
      expect(d.rows).toMatchObject([{ id, seq: 1, state: 'sent', mine: true }])
      expect(await promise).toBe(d.rows[0])
    }
  })

  test('without a connection a message waits, and is sent with the same id on every join until it is stored', async () => {
    const d = setup()
    const promise = d.chat.send('dark')
    expect(d.rows[0]?.state).toBe('queued')
    d.join()
    expect(d.rows[0]).toMatchObject({ state: 'sending', user: me })
    d.chat.lost()
    expect(d.rows[0]?.state).toBe('queued')
    d.join()
    const { id } = d.rows[0]!
    expect(d.sends()).toEqual([id, id])
    d.chat.event('sent', { id, message: stored(1, { id, user: me }) })
    d.chat.lost()
    d.join(1)
    expect(d.sends()).toEqual([id, id])
    expect((await promise).seq).toBe(1)
    await settle()
    expect(d.rows).toHaveLength(1)
  })

  test('a message that was stored just before the connection was lost is not shown twice', async () => {
    const d = setup()
    d.join()
    void d.chat.send({ id: 'm1', text: 'once' })
    d.chat.lost()
    d.history = [1] // stored; the answer was lost
    d.join(1)
    expect(d.sends()).toEqual(['m1', 'm1'])
    await settle()
    d.chat.event('sent', { id: 'm1', message: stored(1) })
    expect(d.seqs).toEqual([1])
    expect(d.rows[0]?.state).toBe('sent')
  })

  test('messages are sent again in their order', () => {
    const d = setup()
    for (const id of ['a', 'b', 'c']) void d.chat.send({ id, text: id })
    d.join()
    d.chat.lost()
    d.join()
    expect(d.sends()).toEqual(['a', 'b', 'c', 'a', 'b', 'c'])
  })

  test('a refused message stays with its error, is not sent again by itself, and can be retried or discarded', async () => {
    const d = setup()
    d.join()
    const first = d.chat.send({ id: 'a', text: 'x' })
    d.chat.event('unsent', { id: 'a', status: 429, title: 'Too many messages', detail: 'wait a moment' })
    await expect(first).rejects.toMatchObject({ code: 'rate-limited', retryable: true, message: 'wait a moment' })
    expect(d.rows[0]).toMatchObject({ state: 'failed', error: { code: 'rate-limited' } })
    d.chat.lost()
    d.join()
    expect(d.sends()).toEqual(['a'])
    const second = d.chat.retry('a')
    expect(d.sends()).toEqual(['a', 'a'])
    expect(d.rows[0]).toMatchObject({ id: 'a', state: 'sending' })
    expect(d.rows[0]).not.toHaveProperty('error')
    d.chat.event('unsent', { id: 'a', status: 403, title: 'Forbidden', detail: '' })
    await expect(second).rejects.toMatchObject({ code: 'forbidden', message: 'Forbidden' })
    d.chat.discard('a')
    expect(d.rows).toEqual([])
  })

  test('sending the same id twice is one message', () => {
    const d = setup()
    d.join()
    expect(d.chat.send({ id: 'a', text: 'x' })).toBe(d.chat.send({ id: 'a', text: 'x' }))
    expect(d.sends()).toEqual(['a'])
  })
})

describe('the window', () => {
  test('opens with the last page and grows backwards', async () => {
    const d = setup(range(1, 120))
    expect(d.chat.loading.get()).toBe(true)
    d.join()
    await settle()
    expect(d.seqs).toEqual(range(71, 120))
    expect(d.chat.loading.get()).toBe(false)
    expect(d.chat.hasOlder.get()).toBe(true)
    await Promise.all([d.chat.loadOlder(), d.chat.loadOlder()])
    expect(d.seqs).toEqual(range(21, 120))
    await d.chat.loadOlder()
    expect(d.seqs).toEqual(range(1, 120))
    expect(d.chat.hasOlder.get()).toBe(false)
    expect(d.asked).toEqual(['limit=50', 'before=71&limit=50', 'before=21&limit=50'].map((q) => `/api/rooms/class%2F7/messages?${q}`))
  })

  test('an empty room has no older messages', async () => {
    const d = setup()
    d.join()
    await settle()
    expect([d.rows, d.chat.loading.get(), d.chat.hasOlder.get()]).toEqual([[], false, false])
  })

  test('a hole is read, and a repeated or late message appears once in its place', async () => {
    const d = setup([1, 2])
    d.join()
    await settle()
    d.history = range(1, 6)
    d.chat.event('message', stored(6))
    d.chat.event('message', stored(6))
    expect(d.seqs).toEqual([1, 2, 6])
    await settle()
    expect(d.seqs).toEqual(range(1, 6))
    expect(d.asked.at(-1)).toBe('/api/rooms/class%2F7/messages?after=2&limit=200')
    const before = d.rows
    d.chat.event('message', stored(4))
    expect(d.rows).toBe(before)
    d.chat.event('message', stored(4, { text: 'edited', editedAt: '2026-11-22T11:00:00Z' }))
    expect(d.rows[3]).toMatchObject({ text: 'edited', editedAt: '2026-11-22T11:00:00Z' })
    expect(d.rows[2]).toBe(before[2])
  })

  test('messages that arrive before the first page are not lost', async () => {
    const d = setup(range(1, 60))
    d.join()
    d.chat.event('message', stored(61))
    await settle()
    expect(d.seqs).toEqual(range(11, 61))
  })

  test('after a reconnect missed messages are read; after a long absence the window is replaced', async () => {
    const d = setup(range(1, 10))
    d.join()
    await settle()
    d.chat.lost()
    d.history = range(1, 300)
    d.join()
    await settle()
    expect(d.seqs).toEqual(range(1, 300))
    d.chat.lost()
    d.history = range(1, 2000)
    d.join()
    await settle()
    expect(d.seqs).toEqual(range(1951, 2000))
    expect(d.chat.hasOlder.get()).toBe(true)
  })

  test('a failed read is retried with growing delays', async () => {
    const d = setup(range(1, 3))
    d.fail = true
    d.join()
    await settle()
    d.clock.pass(1_000)
    await settle()
    d.clock.pass(1_999)
    await settle()
    expect(d.asked).toHaveLength(2)
    d.fail = false
    d.clock.pass(1)
    await settle()
    expect(d.seqs).toEqual([1, 2, 3])
  })
})

test('mentionsMe is set by a mention of me, and by @room of another author', () => {
  const d = setup()
  d.join()
  const cases: [Fields, boolean][] = [
    [{ mentions: [{ user: 'ana' }] }, true], [{ mentions: [{ room: true }] }, true],
    [{ mentions: [{ user: 'cy' }] }, false], [{ mentions: [{ room: true }], user: me }, false],
  ]
  cases.forEach(([more], i) => d.chat.event('message', stored(i + 1, more)))
  expect(d.rows.map((m: Message) => m.mentionsMe)).toEqual(cases.map(([, want]) => want))
})

describe('typing', () => {
  test('a typing mark is renewed every 3 s and ends 5 s after the last key', () => {
    const d = setup()
    d.join()
    const told = (): unknown[] => d.sent.splice(0).map(([n, data]) => [n, data['on']])
    d.chat.setTyping(true)
    d.clock.pass(2_000)
    d.chat.setTyping(true)
    expect(told()).toEqual([['typing', true]])
    d.clock.pass(1_000)
    expect(told()).toEqual([['typing', true]])
    d.clock.pass(4_000)
    expect(told()).toEqual([['typing', true], ['typing', false]])
    d.clock.pass(60_000)
    expect(told()).toEqual([])
  })

  test('a typing mark ends with a message, and everybody else who types is listed', () => {
    const d = setup()
    d.join()
    d.chat.event('typing', { users: [me, { id: 'ben', name: 'Ben' }] })
    expect(d.chat.typing.get()).toEqual([{ id: 'ben', name: 'Ben' }])
    d.chat.setTyping(true)
    void d.chat.send('x')
    d.clock.pass(60_000)
    expect(d.sent.map(([n]) => n)).toEqual(['typing', 'send'])
    d.chat.lost()
    expect(d.chat.typing.get()).toEqual([])
  })
})
