import { describe, expect, test } from 'vitest'
import { decodeEvent, encodeEvent, type Fields } from '../src/events.ts'
import { decodeFrame, encodeFrame } from '../src/frame.ts'
import { LinkState } from '../src/link.ts'
import { Socket, type WebSocketLike } from '../src/socket.ts'
import { FakeClock, settle } from './clock.ts'
import { limits } from './fixtures.ts'

class FakeWebSocket implements WebSocketLike {
  binaryType = ''
  onopen: ((e: never) => void) | null = null
  onmessage: ((e: { data: unknown }) => void) | null = null
  onclose: ((e: { code: number; reason: string }) => void) | null = null
  onerror: ((e: never) => void) | null = null
  closed = false
  readonly sent: [string, Fields][] = []
  constructor(readonly url: string, readonly protocols: string[]) {}
  send(data: Uint8Array): void {
    const frame = decodeFrame(data)
    const e = frame?.body.type === 16 ? decodeEvent(frame.body.bytes) : undefined
    if (e) this.sent.push([e.name, e.data])
  }
  close(): void { this.closed = true }

  receive(name: string, data: Fields = {}): void {
    const frame = encodeFrame(0, { type: 16, bytes: encodeEvent(name, data) })
    this.onmessage?.({ data: frame.slice().buffer })
  }
  welcome(): void {
    this.onopen?.(undefined as never)
    this.receive('welcome', { user: { id: 'ana', name: 'Ana' }, heartbeat: 20_000, limits })
  }
  end(code: number): void { this.onclose?.({ code, reason: '' }) }
}

function setup() {
  const clock = new FakeClock()
  const link = new LinkState(clock)
  const sockets: FakeWebSocket[] = []
  const asked: string[] = []
  const events: string[] = []
  const socket = new Socket({
    url: 'ws://x/socket', clock, link, log: () => {},
    token: (reason) => { asked.push(reason); return Promise.resolve(`t${asked.length}`) },
    open: (url, protocols) => {
      const ws = new FakeWebSocket(url, protocols)
      sockets.push(ws)
      return ws
    },
    onUp: (user) => events.push(`up ${user.id}`),
    onFrame: () => events.push('frame'),
    onDown: () => events.push('down'),
  })
  return { clock, link, sockets, asked, events, socket, get last() { return sockets.at(-1)! } }
}

async function up() {
  const d = setup()
  d.socket.start()
  await settle()
  d.last.welcome()
  return d
}

describe('the socket', () => {
  test('sends the token in hello, not in the URL or a header', async () => {
    const d = await up()
    expect(d.last.url).toBe('ws://x/socket')
    expect(d.last.protocols).toEqual(['weft.1'])
    expect(d.last.sent).toEqual([['hello', { token: 't1' }]])
    expect(d.events).toEqual(['up ana'])
    expect(d.link.get().state).toBe('online')
  })

  test('sends nothing before the welcome', async () => {
    const d = setup()
    d.socket.start()
    await settle()
    d.last.onopen?.(undefined as never)
    expect(d.socket.event(1, 'typing', { on: true })).toBe(false)
    expect(d.last.sent).toHaveLength(1)
  })

  test('a welcome without all limits is none: the connection is lost and retried', async () => {
    for (const bad of [undefined, {}, { ...limits, step2: 0 }]) {
      const d = setup()
      d.socket.start()
      await settle()
      d.last.onopen?.(undefined as never)
      d.last.receive('welcome', { user: { id: 'ana', name: 'Ana' }, heartbeat: 20_000, limits: bad })
      expect(d.socket.up).toBe(false)
      expect(d.events).toEqual([])
      expect(d.last.closed).toBe(true)
      d.clock.pass(500)
      await settle()
      expect(d.sockets).toHaveLength(2)
    }
  })

  test('pings every half heartbeat, and is lost after 8 s without an answer', async () => {
    const d = await up()
    d.clock.pass(10_000)
    expect(d.last.sent.at(-1)).toEqual(['ping', {}])
    d.clock.pass(7_999)
    d.last.receive('pong')
    d.clock.pass(2_001)
    expect(d.events).toEqual(['up ana', 'frame'])
    d.clock.pass(7_999)
    expect(d.last.closed).toBe(false)
    d.clock.pass(1)
    expect(d.last.closed).toBe(true)
    expect(d.events.at(-1)).toBe('down')
  })

  test('the first retry comes within 500 ms, later ones by full jitter up to 30 s', async () => {
    const d = await up()
    d.clock.chance = 0.999
    d.last.end(1006)
    const waits: number[] = []
    for (let i = 0; i < 8; i++) {
      let wait = 0
      for (const n = d.sockets.length; d.sockets.length === n; wait += 100) {
        d.clock.pass(100)
        await Promise.resolve()
        await Promise.resolve()
        await Promise.resolve()
      }
      waits.push(wait)
      d.last.end(1006)
    }
    expect(waits).toEqual([500, 1000, 2000, 4000, 8000, 16000, 30000, 30000])
  })

  test('retry() connects at once, and pings a connection that is up', async () => {
    const d = await up()
    d.socket.retry()
    expect(d.last.sent.at(-1)?.[0]).toBe('ping')
    d.clock.pass(8_000)
    expect(d.last.closed).toBe(true)
    expect(d.sockets).toHaveLength(1)
    d.socket.retry()
    await settle()
    expect(d.sockets).toHaveLength(2)
    d.socket.retry() // an attempt is in progress: there is no second one
    await settle()
    expect(d.sockets).toHaveLength(2)
  })

  test('a rejected token is replaced once; a second rejection is final', async () => {
    const d = await up()
    d.last.end(4401)
    d.clock.pass(500)
    await settle()
    expect(d.asked).toEqual(['connect', 'rejected'])
    d.last.onopen?.(undefined as never)
    d.last.end(4401)
    expect(d.link.get()).toMatchObject({ state: 'closed', reason: 'auth' })
    d.clock.pass(100_000)
    await settle()
    expect(d.sockets).toHaveLength(2)
  })

  test('a connection without a welcome for 10 s is lost', async () => {
    const d = setup()
    d.socket.start()
    await settle()
    d.last.onopen?.(undefined as never)
    d.clock.pass(10_000)
    expect(d.last.closed).toBe(true)
  })

  test('after an overload the backoff is longer', async () => {
    const d = await up()
    d.last.end(1013)
    d.clock.pass(1_999)
    await settle()
    expect(d.sockets).toHaveLength(1)
    d.clock.pass(1)
    await settle()
    expect(d.sockets).toHaveLength(2)
  })

  test('after stop() it is idle, and late frames are dropped', async () => {
    const d = await up()
    const ws = d.last
    const late = ws.onmessage
    d.socket.stop()
    late?.({ data: new ArrayBuffer(0) })
    expect(ws.closed).toBe(true)
    expect(d.events).toEqual(['up ana', 'down'])
    expect(d.link.get().state).toBe('idle')
    expect(d.clock.waiting).toBe(0)
  })
})
