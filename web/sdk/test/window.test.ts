import { expect, test } from 'vitest'
import { ChatState } from '../src/chat.ts'
import type { Fields } from '../src/events.ts'
import type { Message } from '../src/types.ts'
import { FakeClock, settle } from './clock.ts'
import { limits } from './fixtures.ts'

const range = (from: number, to: number): number[] => Array.from({ length: to - from + 1 }, (_, i) => from + i)
const revOf = (m: Fields): number => Number(m['rev'])

function stored(seq: number, more: Fields = {}): Fields {
  return {
    id: `m${seq}`, seq, rev: seq, room: 'class/7', user: { id: 'ben', name: 'Ben' }, text: `text ${seq}`, mentions: [], reactions: [],
    createdAt: '2026-11-22T10:00:00Z', editedAt: null, deleted: false, ...more,
  }
}

/** A chat with a server that numbers changes as ours does. */
function setup(seqs: number[] = []) {
  const server = { history: seqs.map((n) => stored(n)), epoch: 'e1', held: undefined as (() => void)[] | undefined, asked: [] as string[] }
  const lastRev = (): number => Math.max(0, ...server.history.map(revOf))
  const chat = new ChatState({
    room: 'class/7', clock: new FakeClock(), slot: () => 3, log: () => {},
    api: {
      get: (path) => {
        server.asked.push(path)
        const q = new URL(path, 'http://x').searchParams
        const [before, after, limit, changed] = ['before', 'after', 'limit', 'changed'].map((k) => Number(q.get(k) ?? 0)) as [number, number, number, number]
        const at = { rev: lastRev(), epoch: server.epoch }
        const recovered = q.get('epoch') === server.epoch && changed <= at.rev
        const all = server.history.filter((m) => Number(m['seq']) > after && (before === 0 || Number(m['seq']) < before))
        const answer = q.has('changed') && recovered
          ? { ...at, recovered, messages: all.filter((m) => revOf(m) > changed).sort((a, b) => revOf(a) - revOf(b)).slice(0, limit) }
          : { ...at, ...q.has('changed') ? { recovered } : {}, messages: q.has('after') ? all.slice(0, limit) : all.slice(-limit) }
        const { held } = server
        return held ? new Promise((go) => held.push(() => go(answer))) : Promise.resolve(answer)
      },
    },
  })
  return {
    server, chat,
    /** Posts or changes a message, and returns the event. */
    write(seq: number, more: Fields = {}): Fields {
      const m: Fields = { ...server.history.find((k) => k['seq'] === seq) ?? stored(seq), ...more, rev: lastRev() + 1 }
      server.history = [...server.history.filter((k) => k['seq'] !== seq), m].sort((a, b) => Number(a['seq']) - Number(b['seq']))
      return m
    },
    join() { chat.joined(() => {}, { id: 'ana', name: 'Ana' }, { lastSeq: Number(server.history.at(-1)?.['seq'] ?? 0), lastRev: lastRev(), epoch: server.epoch, typing: [] }, limits) },
    row(seq: number): Message | undefined { return chat.messages.get().find((m) => m.seq === seq) },
    get seqs(): (number | undefined)[] { return chat.messages.get().map((m) => m.seq) },
  }
}

test('missed changes of old messages are read, and late events do not undo them', async () => {
  const d = setup(range(1, 60))
  d.join()
  await settle()
  d.chat.lost()
  const first = d.write(20, { text: 'first' })
  d.write(20, { text: 'second' })
  d.write(5, { text: 'below the window' })
  d.write(30, { deleted: true, text: '' })
  d.join()
  await settle()
  expect(d.server.asked.at(-1)).toContain('changed=60&')
  expect(d.row(20)?.text).toBe('second')
  expect(d.row(30)?.deleted).toBe(true)
  expect(d.seqs).toEqual(range(11, 60))
  d.chat.event('message.changed', first)
  expect(d.row(20)?.text).toBe('second')
  const asked = d.server.asked.length
  d.chat.event('message.changed', d.write(21, { text: 'live' }))
  await settle()
  expect(d.row(21)?.text).toBe('live')
  expect(d.server.asked).toHaveLength(asked) // nothing was missed
  await d.chat.loadOlder()
  expect(d.row(5)?.text).toBe('below the window')
  expect(d.seqs).toEqual(range(1, 60))
})

test('a change that arrives while an older page is read is not lost', async () => {
  const d = setup(range(1, 60))
  d.join()
  await settle()
  const held: (() => void)[] = d.server.held = []
  const older = d.chat.loadOlder()
  await settle()
  d.chat.event('message.changed', d.write(5, { text: 'changed meanwhile' })) // after the page was read
  d.server.held = undefined
  held.forEach((go) => go())
  await older
  expect(d.row(5)?.text).toBe('changed meanwhile')
})

test('a room that was empty at first misses no message', async () => {
  const d = setup()
  d.join()
  await settle()
  d.chat.lost()
  for (const seq of [1, 2, 3]) d.write(seq)
  d.join()
  await settle()
  expect(d.seqs).toEqual([1, 2, 3])
  d.chat.lost()
  d.write(1, { text: 'edited' })
  d.join()
  await settle()
  expect(d.row(1)?.text).toBe('edited')
})

test('messages of another history are dropped', async () => {
  for (const epoch of ['e2', 'e1']) {
    const d = setup(range(1, 10))
    d.join()
    await settle()
    d.chat.lost()
    d.server.epoch = epoch
    d.server.history = [stored(1), stored(2), stored(3, { id: 'another', text: 'another 3' })]
    d.join()
    await settle()
    expect(d.chat.messages.get().map((m) => m.id)).toEqual(['m1', 'm2', 'another'])
  }
})
