import { expect, test } from 'vitest'
import { Api } from '../src/http.ts'
import { Inbox } from '../src/notifications.ts'
import { FakeClock, settle } from './clock.ts'

/** A server whose stream is written by the test. */
function setup() {
  const clock = new FakeClock()
  const streams: { last: string | null; write: (s: string) => void; end: () => void; signal: AbortSignal | null | undefined }[] = []
  const posts: string[] = []
  const d = {
    clock, streams, posts, listed: 0, list: [] as unknown[], refuse: false,
    get stream() { return streams.at(-1)! },
    inbox: undefined as unknown as Inbox,
  }
  const fetcher = ((url: string, init: RequestInit = {}) => {
    const headers = new Headers(init.headers)
    if (url.includes('t1') || headers.get('Authorization') !== 'Bearer t1') throw new Error('a token in the wrong place')
    const path = url.slice('http://x'.length)
    if (path === '/api/events') {
      const encoder = new TextEncoder()
      const body = new ReadableStream<Uint8Array>({
        start(c) {
          streams.push({ last: headers.get('Last-Event-ID'), write: (s) => c.enqueue(encoder.encode(s)), end: () => c.close(), signal: init.signal })
          init.signal?.addEventListener('abort', () => { try { c.error(new Error('aborted')) } catch { /* ended */ } })
        },
      })
      return Promise.resolve(new Response(body, { headers: { 'Content-Type': 'text/event-stream' } }))
    }
    if (init.method === 'POST') {
      posts.push(path)
      return Promise.resolve(d.refuse ? Response.json({ title: 'no', status: 503 }, { status: 503 }) : new Response(null, { status: 204 }))
    }
    d.listed++
    return Promise.resolve(Response.json({ notifications: d.list, unread: d.list.length, unseen: d.list.length }))
  }) as typeof fetch
  d.inbox = new Inbox(new Api('http://x', { token: () => Promise.resolve('t1') }, fetcher), clock, () => {})
  return d
}

const notice = (id: string, minute = 0) => ({
  id, kind: 'mention', room: 'bio', title: 'Mika mentioned you', body: 'b', url: '/s/bio#m=1', actor: { id: 'mika', name: 'Mika' },
  createdAt: `2026-11-22T10:${String(minute).padStart(2, '0')}:00Z`, seenAt: null, readAt: null,
})
const event = (name: string, data: unknown, id?: string): string => `${id === undefined ? '' : `id: ${id}\n`}event: ${name}\ndata: ${JSON.stringify(data)}\n\n`
const connected = (recovered = true, unread = 0): string => event('connected', { user: 'ana', recovered, unread, unseen: unread })

test('without a subscriber nothing is requested; then the inbox and the stream are', async () => {
  const d = setup()
  await settle()
  expect(d.streams).toHaveLength(0)
  d.list = [notice('n1')]
  const end = d.inbox.unseen.subscribe(() => {})
  d.inbox.items.subscribe(() => {})
  await settle()
  expect(d.streams).toHaveLength(1)
  d.stream.write(connected(true, 1))
  await settle()
  expect(d.inbox.items.get().map((n) => n.id)).toEqual(['n1'])
  d.stream.write(event('notification', notice('n2', 5), 'n2'))
  d.stream.write(event('notification', notice('n2', 5), 'n2'))
  await settle()
  expect(d.inbox.items.get().map((n) => n.id)).toEqual(['n2', 'n1'])
  expect([d.inbox.unread.get(), d.inbox.unseen.get(), d.inbox.live.get()]).toEqual([2, 2, true])
  end()
  d.inbox.destroy()
  expect(d.stream.signal?.aborted).toBe(true)
})

test('a notification that arrives while the inbox is read is kept and counted', async () => {
  const d = setup()
  d.list = [notice('n1')]
  d.inbox.start()
  await settle()
  d.stream.write(connected(true, 1) + event('notification', notice('n2', 5), 'n2'))
  await settle()
  expect(d.inbox.items.get().map((n) => n.id)).toEqual(['n2', 'n1'])
  expect([d.inbox.unread.get(), d.inbox.unseen.get()]).toEqual([2, 2])
  d.inbox.destroy()
})

test('a broken stream resumes, and the inbox is read only if it cannot', async () => {
  const d = setup()
  d.inbox.start()
  await settle()
  d.stream.write(connected() + event('notification', notice('n1'), 'n1'))
  await settle()
  const listed = d.listed
  d.stream.end()
  await settle()
  expect(d.inbox.live.get()).toBe(false)
  d.clock.pass(500)
  await settle()
  expect(d.streams.map((s) => s.last)).toEqual([null, 'n1'])
  d.stream.write(connected(true, 1))
  await settle()
  expect(d.listed).toBe(listed)
  d.stream.end()
  await settle()
  d.clock.pass(500)
  await settle()
  d.stream.write(connected(false, 1))
  await settle()
  expect(d.listed).toBe(listed + 1)
  d.inbox.destroy()
})

test('a stream without data for 40 s is closed; a comment keeps it', async () => {
  const d = setup()
  d.inbox.start()
  await settle()
  d.stream.write(connected())
  await settle()
  d.clock.pass(39_000)
  d.stream.write(': still here\n\n')
  await settle()
  d.clock.pass(39_000)
  expect(d.inbox.live.get()).toBe(true)
  d.clock.pass(1_000)
  await settle()
  expect(d.inbox.live.get()).toBe(false)
  d.inbox.destroy()
})

test('a hidden page closes its stream after 30 s and opens it when shown', async () => {
  const d = setup()
  d.inbox.start()
  await settle()
  d.stream.write(connected() + event('notification', notice('n1'), 'n1'))
  await settle()
  d.inbox.visible(false)
  d.clock.pass(30_000)
  expect(d.stream.signal?.aborted).toBe(true)
  d.inbox.visible(true)
  await settle()
  expect(d.streams.map((s) => s.last)).toEqual([null, 'n1'])
  d.inbox.destroy()
})

test('a read mark shows at once and is sent; if the server refuses it, the server’s state is shown', async () => {
  const d = setup()
  d.list = [notice('n1', 1), notice('n2')]
  d.inbox.start()
  await settle()
  d.stream.write(connected(true, 2))
  await settle()
  const first = d.inbox.markRead('n1')
  expect(d.inbox.unread.get()).toBe(1)
  expect(d.inbox.items.get()[0]?.readAt).toBeTruthy()
  await first
  await d.inbox.markRead('n1')
  expect(d.posts).toEqual(['/api/notifications/n1/read'])
  d.refuse = true
  const all = d.inbox.markAllRead()
  expect([d.inbox.unread.get(), d.inbox.unseen.get()]).toEqual([0, 0])
  await expect(all).rejects.toMatchObject({ code: 'server' })
  await settle()
  expect(d.inbox.unread.get()).toBe(2)
  d.inbox.destroy()
})
