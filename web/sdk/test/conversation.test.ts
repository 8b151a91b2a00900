import { describe, expect, test } from 'vitest'
import { ChatState } from '../src/chat.ts'
import type { Fields } from '../src/events.ts'
import { RoomError } from '../src/errors.ts'
import type { Message } from '../src/types.ts'
import { FakeClock, settle } from './clock.ts'
import { limits } from './fixtures.ts'

const me = { id: 'ana', name: 'Ana' }
const ben = { id: 'ben', name: 'Ben' }

/** A server that keeps messages and revs as PROTOCOL.md says; the test decides when it sends events. */
class Server {
  readonly messages: Fields[] = []
  rev = 0
  readonly lines: Fields[] = []
  epoch = 'e1'

  post(more: Fields = {}): Fields {
    const seq = this.messages.length + 1
    const m: Fields = {
      id: `m${seq}`, seq, rev: ++this.rev, version: 1, room: 'bio', user: ben, text: `text ${seq}`, mentions: [], reactions: [],
      createdAt: '2026-11-22T10:00:00Z', editedAt: null, deleted: false, ...more,
    }
    this.messages.push(m)
    return m
  }

  change(seq: number, more: Fields): Fields {
    const m = { ...this.messages[seq - 1], rev: ++this.rev, ...more }
    this.messages[seq - 1] = m
    return m
  }

  get(path: string): Promise<unknown> {
    const url = new URL(path, 'http://x')
    if (url.pathname.endsWith('/lines')) return Promise.resolve({ lines: this.lines })
    const [, id] = /messages\/(.+)$/u.exec(url.pathname) ?? []
    if (id !== undefined) {
      const m = this.messages.find((x) => x['id'] === decodeURIComponent(id))
      return m ? Promise.resolve(m) : Promise.reject(new RoomError('not-found', 'no'))
    }
    const q = url.searchParams
    const n = (k: string): number => Number(q.get(k) ?? 0)
    const limit = n('limit') || 50
    const rev = this.rev
    if (q.has('changed') && (q.get('epoch') !== this.epoch || n('changed') > rev)) return Promise.resolve({ messages: this.messages.slice(-50), rev, recovered: false })
    if (q.has('changed')) {
      const all = this.messages.filter((m) => (m['rev'] as number) > n('changed')).sort((a, b) => (a['rev'] as number) - (b['rev'] as number))
      return Promise.resolve({ messages: all.slice(0, limit), rev })
    }
    const all = this.messages.filter((m) => (m['seq'] as number) > n('after') && (n('before') === 0 || (m['seq'] as number) < n('before')) && (!q.has('thread') || m['thread'] === q.get('thread')))
    return Promise.resolve({ messages: q.has('after') ? all.slice(0, limit) : all.slice(-limit), rev })
  }
}

function setup(server = new Server()) {
  const clock = new FakeClock()
  const sent: [string, Fields][] = []
  const asked: string[] = []
  const chat = new ChatState({ room: 'bio', clock, slot: () => 3, log: () => {}, api: { get: (path) => { asked.push(path.replace(/^.*messages/u, '')); return server.get(path) } } })
  return {
    server, clock, sent, asked, chat,
    async join(read?: Fields) {
      chat.joined((name, data) => sent.push([name, data]), me, { lastSeq: server.messages.length, lastRev: server.rev, epoch: server.epoch, typing: [], read }, limits)
      await settle()
    },
    get rows(): readonly Message[] { return chat.messages.get() },
    row(id: string): Message | undefined { return chat.messages.get().find((m) => m.id === id) },
    last(name: string): Fields | undefined { return sent.filter(([n]) => n === name).at(-1)?.[1] },
  }
}

async function opened(messages: number, read?: Fields) {
  const d = setup()
  for (let i = 0; i < messages; i++) d.server.post()
  await d.join(read)
  return d
}

describe('changes', () => {
  test('show at once, and stay when the server confirms them', async () => {
    const d = await opened(2)
    const mine = d.server.post({ user: me })
    d.chat.event('message', mine)
    const edited = d.chat.edit('m3', 'better **words**')
    expect(d.row('m3')).toMatchObject({ text: 'better **words**', state: 'sending' })
    const ref = d.last('edit')?.['ref']
    expect(d.last('edit')).toEqual({ ref, id: 'm3', text: 'better **words**' })
    const after = d.server.change(3, { text: 'better **words**', version: 2, editedAt: '2026-11-22T11:00:00Z' })
    d.chat.event('message.changed', after)
    d.chat.event('done', { ref, message: after })
    expect(await edited).toMatchObject({ state: 'sent', editedAt: '2026-11-22T11:00:00Z' })
    expect(d.row('m3')).toMatchObject({ state: 'sent', parts: [{ type: 'text', text: 'better ' }, { type: 'bold' }] })
  })

  test('that the server refuses are undone', async () => {
    const d = await opened(2)
    const promise = d.chat.remove('m1')
    expect(d.row('m1')).toMatchObject({ deleted: true, text: '', reactions: [] })
    d.chat.event('failed', { ref: d.last('delete')?.['ref'], status: 403, title: 'Forbidden', detail: 'it is somebody else’s' })
    await expect(promise).rejects.toMatchObject({ code: 'forbidden', message: 'it is somebody else’s' })
    expect(d.row('m1')).toMatchObject({ deleted: false, text: 'text 1' })
  })

  test('made without a connection are sent on every join until they are answered', async () => {
    const d = await opened(1)
    d.chat.lost()
    void d.chat.react('m1', '👍')
    expect(d.row('m1')?.reactions).toEqual([{ emoji: '👍', users: ['ana'], mine: true }])
    expect([d.sent.length, d.chat.waiting]).toEqual([0, true])
    await d.join()
    d.chat.lost()
    await d.join()
    const asks = d.sent.filter(([n]) => n === 'react').map(([, data]) => data)
    expect(asks).toHaveLength(2)
    expect(asks[0]).toEqual(asks[1])
    const after = d.server.change(1, { reactions: [{ emoji: '👍', users: ['ana'] }] })
    d.chat.event('done', { ref: asks[0]?.['ref'], message: after })
    expect(d.chat.waiting).toBe(false)
    expect(d.row('m1')?.reactions).toEqual([{ emoji: '👍', users: ['ana'], mine: true }])
    void d.chat.react('m1', '👍')
    expect(d.last('react')).toMatchObject({ on: false })
    expect(d.row('m1')?.reactions).toEqual([])
  })

  test('an older state never replaces a newer one', async () => {
    const d = await opened(1)
    const old = d.server.messages[0]!
    d.chat.event('message.changed', d.server.change(1, { text: 'new' }))
    d.chat.event('sent', { id: 'm1', message: old })
    expect(d.row('m1')?.text).toBe('new')
  })

  test('a message is the same object while nothing in it changes', async () => {
    const d = await opened(2)
    void d.chat.react('m1', '🎉')
    const [one, two] = d.rows
    d.chat.setTyping(true)
    d.chat.event('message', d.server.post())
    expect(d.rows[0]).toBe(one)
    expect(d.rows[1]).toBe(two)
  })
})

describe('after a reconnect', () => {
  test('missed messages and changes are read, and nothing else', async () => {
    const d = await opened(120)
    d.chat.lost()
    d.asked.length = 0
    d.server.change(100, { text: 'edited meanwhile' })
    d.server.change(10, { text: 'below the window' })
    d.server.post()
    await d.join()
    expect(d.asked).toEqual(['?changed=120&limit=200&epoch=e1'])
    expect(d.row('m100')?.text).toBe('edited meanwhile')
    expect(d.rows.map((m) => m.seq)).toEqual(Array.from({ length: 51 }, (_, i) => 71 + i))
    d.chat.lost()
    await d.join()
    expect(d.asked).toHaveLength(1)
  })

  test('messages of a history that a backup has replaced are dropped', async () => {
    for (const tell of [true, false]) {
      const d = await opened(60)
      d.chat.lost()
      d.server.messages.length = 20
      d.server.rev = 20
      d.server.post({ text: 'after the backup' })
      if (tell) d.server.epoch = 'e2'
      await d.join()
      expect(d.rows.map((m) => m.text)).toEqual([...Array.from({ length: 20 }, (_, i) => `text ${i + 1}`), 'after the backup'])
    }
  })

  test('so are messages that came while the first page was read', async () => {
    const d = setup()
    for (let i = 0; i < 3; i++) d.server.post()
    const joining = d.join()
    d.chat.event('message.changed', d.server.change(2, { text: 'while it opens' }))
    await joining
    d.chat.event('message', d.server.post())
    await settle()
    expect(d.rows.map((m) => m.text)).toEqual(['text 1', 'while it opens', 'text 3', 'text 4'])
  })

  test('two clients that disconnect and reconnect at random agree with the server', async () => {
    let seed = Date.now() >>> 0
    const first = seed
    const next = (n: number): number => {
      seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0
      return Math.floor(seed / 2 ** 32 * n)
    }
    const d = setup()
    let online = false
    for (let i = 0; i < 400; i++) {
      const held = d.server.messages.length
      switch (next(5)) {
        case 0: {
          const m = d.server.post()
          if (online) d.chat.event('message', m)
          break
        }
        case 1: case 2:
          if (held > 0) {
            const m = d.server.change(1 + next(held), { text: `change ${i}` })
            if (online) d.chat.event('message.changed', m)
          }
          break
        case 3:
          if (online) d.chat.lost()
          online = false
          break
        default:
          if (!online) await d.join()
          online = true
      }
    }
    if (!online) await d.join()
    await settle()
    expect(d.rows.map((m) => [m.seq, m.text]), `seed ${first}`).toEqual(d.server.messages.slice(-d.rows.length).map((m) => [m['seq'], m['text']]))
    expect(d.rows.length).toBeGreaterThanOrEqual(Math.min(50, d.server.messages.length))
  })
})

describe('what is unread', () => {
  test('is the server’s count plus the messages since then', async () => {
    const d = await opened(10, { read: 7, unread: 3, mentions: 1, lastSeq: 10 })
    expect(d.chat.unread.get()).toEqual({ read: 7, count: 3, mentions: 1 })
    d.chat.event('message', d.server.post({ mentions: [{ user: 'ana' }] }))
    d.chat.event('message', d.server.messages[10]!)
    d.chat.event('message', d.server.post({ user: me }))
    expect(d.chat.unread.get()).toEqual({ read: 7, count: 4, mentions: 2 })
  })

  test('read marks are collected, never go back, and are sent again after a reconnect', async () => {
    const d = await opened(10, { read: 7, unread: 3, mentions: 0, lastSeq: 10 })
    d.chat.markRead(8)
    d.chat.markRead(9)
    d.chat.markRead(4)
    expect(d.chat.unread.get()).toEqual({ read: 9, count: 1, mentions: 0 })
    expect(d.sent.filter(([n]) => n === 'read')).toEqual([])
    d.clock.pass(500)
    expect(d.sent.filter(([n]) => n === 'read').map(([, x]) => x['seq'])).toEqual([9])
    d.chat.lost()
    await d.join({ read: 7, unread: 3, mentions: 0, lastSeq: 10 })
    expect(d.chat.unread.get().count).toBe(1)
    expect(d.sent.filter(([n]) => n === 'read').map(([, x]) => x['seq'])).toEqual([9, 9])
    d.chat.event('done', { ref: d.last('read')?.['ref'], read: { read: 9, unread: 1, mentions: 0, lastSeq: 10 } })
    d.chat.markRead()
    expect(d.chat.unread.get()).toEqual({ read: 10, count: 0, mentions: 0 })
  })

  test('follows the read mark of another tab', async () => {
    const d = await opened(10, { read: 0, unread: 10, mentions: 0, lastSeq: 10 })
    d.chat.readElsewhere({ room: 'bio', read: 10, unread: 0, mentions: 0, lastSeq: 10 })
    expect(d.chat.unread.get()).toEqual({ read: 10, count: 0, mentions: 0 })
  })
})

describe('a thread', () => {
  test('has its own typing marks', async () => {
    const d = await opened(2)
    d.chat.event('typing.thread', { thread: 'm1', users: [ben, me] })
    const thread = d.chat.thread('m1')
    expect([thread.typing.get(), d.chat.typing.get()]).toEqual([[ben], []])
    thread.setTyping(true)
    expect(d.last('typing')).toEqual({ on: true, thread: 'm1' })
    void thread.send('x')
    d.clock.pass(60_000)
    expect(d.sent.filter(([n]) => n === 'typing')).toHaveLength(1)
    d.chat.lost()
    expect(thread.typing.get()).toEqual([])
    d.chat.joined(() => {}, me, { typing: [], typingThreads: { m1: [ben], m2: [ben] } }, limits)
    expect([thread.typing.get(), d.chat.thread('m2').typing.get(), d.chat.thread('m3').typing.get()]).toEqual([[ben], [ben], []])
  })

  test('has its replies, also those before the window, and gets new ones', async () => {
    const d = setup()
    const root = d.server.post()
    for (let i = 0; i < 3; i++) d.server.post({ thread: 'm1' })
    for (let i = 0; i < 100; i++) d.server.post()
    await d.join()
    const thread = d.chat.thread('m1')
    expect(thread).toBe(d.chat.thread('m1'))
    await settle()
    expect(thread.root.get()).toMatchObject({ id: root['id'] })
    expect(thread.replies.get().map((m) => m.id)).toEqual(['m2', 'm3', 'm4'])
    d.chat.event('message', d.server.post({ thread: 'm1' }))
    d.chat.event('message.changed', d.server.change(2, { text: 'changed below the window' }))
    d.chat.event('message', d.server.post({ thread: 'm9' }))
    expect(thread.replies.get().map((m) => m.text)).toEqual(['changed below the window', 'text 3', 'text 4', 'text 105'])
    void thread.send('mine')
    expect(d.last('send')).toMatchObject({ text: 'mine', thread: 'm1' })
    expect(thread.replies.get().at(-1)).toMatchObject({ text: 'mine', state: 'sending', thread: 'm1' })
    expect(thread.loading.get()).toBe(false)
  })
})

test('system messages are read for the first subscriber and after a reconnect, and each appears once', async () => {
  const d = await opened(1)
  const line = (n: number): Fields => ({ n, kind: 'joined', user: ben, after: 1, at: '2026-11-22T10:00:00Z' })
  d.server.lines.push(line(1), { n: 2, kind: 'joined' }, line(3))
  const reads = (): number => d.asked.filter((p) => p.endsWith('/lines')).length
  expect(reads()).toBe(0)
  const end = d.chat.lines.subscribe(() => {})
  await settle()
  d.chat.event('line', line(4))
  d.chat.event('line', line(3))
  expect(d.chat.lines.get().map((l) => l.n)).toEqual([1, 3, 4])
  d.chat.lost()
  d.server.lines.push(line(4), line(5))
  await d.join()
  expect([reads(), d.chat.lines.get().map((l) => l.n)]).toEqual([2, [1, 3, 4, 5]])
  end()
})

test('an old message is loaded with all messages after it', async () => {
  const d = await opened(700)
  expect(await d.chat.reveal('m20')).toBe(true)
  expect(d.row('m20')).toBeDefined()
  const seqs = d.rows.map((m) => m.seq ?? 0)
  expect(seqs).toEqual(Array.from({ length: seqs.length }, (_, i) => 701 - seqs.length + i))
  await expect(d.chat.reveal('none')).rejects.toMatchObject({ code: 'not-found' })
})
