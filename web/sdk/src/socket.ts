import type { Clock } from './clock.ts'
import { decodeEvent, eventBody, identity, integer, readLimits, type Unchecked } from './events.ts'
import { decodeFrame, encodeFrame, subprotocol, type Body } from './frame.ts'
import type { ClientEvents } from './generated/commands.ts'
import type { WelcomeEvent, WireLimits, WireUser } from './generated/events.ts'
import type { LinkState } from './link.ts'
import { RoomError } from './errors.ts'
import type { LinkReason, Log } from './types.ts'

/** The part of a WebSocket that is used, so that tests can replace it. */
export interface WebSocketLike {
  binaryType: string
  onopen: ((e: never) => void) | null
  onmessage: ((e: { data: unknown }) => void) | null
  onclose: ((e: { code: number; reason: string }) => void) | null
  onerror: ((e: never) => void) | null
  send(data: Uint8Array<ArrayBuffer>): void
  close(code?: number, reason?: string): void
}

export interface SocketOptions {
  readonly url: string
  readonly token: (reason: 'connect' | 'rejected') => Promise<string>
  readonly clock: Clock
  readonly link: LinkState
  readonly open: (url: string, protocols: string[]) => WebSocketLike
  readonly log: Log
  /** The server has welcomed this connection: rooms may be joined. */
  readonly onUp: (user: WireUser, limits: WireLimits) => void
  /** An event on channel 0 or any body on a room's channel. */
  readonly onFrame: (channel: number, body: Body) => void
  /** A connection that was up is lost. */
  readonly onDown: () => void
}

const openMs = 10_000 // longest time from the start of an attempt to the welcome
const deadMs = 8_000 // a connection that receives nothing for this long after a ping is dead
const steadyMs = 5_000 // a connection that lasted this long resets the backoff
const backoff = { first: 500, most: 30_000 }

/** The reason to show for a close code, and the least attempt number to compute the backoff from. */
const meaning: Readonly<Record<number, { reason: LinkReason; from: number }>> = {
  1012: { reason: 'server-drain', from: 0 },
  1013: { reason: 'server-down', from: 3 },
  4400: { reason: 'server-down', from: 4 },
  4401: { reason: 'auth', from: 0 },
  4413: { reason: 'too-large', from: 4 },
  4429: { reason: 'weft-full', from: 4 },
}

/** One connection, which is opened again until stop(). */
export class Socket {
  readonly #o: SocketOptions
  #ws: WebSocketLike | undefined
  #wanted = false
  #up = false
  #upSince = 0
  #attempt = 0
  #rejected = 0 // tokens that were rejected in a row
  #try = 0 // number of the current attempt; results of earlier attempts are dropped
  #timers = new Map<'open' | 'ping' | 'dead' | 'retry', () => void>()

  constructor(options: SocketOptions) { this.#o = options }

  get up(): boolean { return this.#up }

  start(): void {
    if (this.#wanted) return
    this.#wanted = true
    this.#attempt = 0
    this.#rejected = 0
    void this.#connect()
  }

  stop(): void {
    this.#wanted = false
    this.#drop(1000)
    this.#o.link.idle()
  }

  /** Connects now instead of after the backoff. A connection that is up is pinged instead. */
  retry(): void {
    if (!this.#wanted) return this.start()
    if (this.#up) return this.#ping()
    if (this.#timers.has('retry')) void this.#connect()
  }

  /** Replaces the connection by one with a new token. */
  restart(): void {
    if (!this.#wanted) return
    this.#drop(1000)
    void this.#connect()
  }

  send(channel: number, body: Body): boolean {
    if (!this.#up) return false
    this.#write(channel, body)
    return true
  }

  event<N extends keyof ClientEvents>(channel: number, name: N, data: ClientEvents[N]): boolean {
    return this.send(channel, eventBody(name, data))
  }

  async #connect(): Promise<void> {
    this.#stopTimer('retry')
    const mine = ++this.#try
    this.#o.link.connecting()
    let token: string
    try {
      token = await this.#o.token(this.#rejected > 0 ? 'rejected' : 'connect')
    } catch (err) {
      if (mine !== this.#try || !this.#wanted) return
      if (err instanceof RoomError && !err.retryable) return this.#giveUp('auth', err)
      this.#o.log('warn', 'no token', err)
      return this.#again('network', 0)
    }
    if (mine !== this.#try || !this.#wanted) return

    let ws: WebSocketLike
    try {
      ws = this.#o.open(this.#o.url, [subprotocol])
    } catch (err) {
      return this.#giveUp('server-down', new RoomError('invalid', 'the address cannot be connected to', { cause: err }))
    }
    this.#ws = ws
    ws.binaryType = 'arraybuffer'
    ws.onopen = () => {
      if (ws === this.#ws) this.#write(0, eventBody('hello', { token }))
    }
    ws.onmessage = (e) => { if (ws === this.#ws) this.#received(e.data) }
    ws.onclose = (e) => { if (ws === this.#ws) this.#lost(e.code, e.reason) }
    ws.onerror = () => {} // a close follows
    this.#timer('open', openMs, () => this.#lost(1006, 'no welcome came'))
  }

  #received(data: unknown): void {
    this.#stopTimer('dead')
    if (!(data instanceof ArrayBuffer)) return
    let frame
    try {
      frame = decodeFrame(new Uint8Array(data))
    } catch (err) {
      this.#o.log('error', 'a frame could not be read', err)
      return
    }
    if (!frame) return
    if (frame.channel === 0 && frame.body.type === 16 && !this.#up) {
      const e = decodeEvent(frame.body.bytes)
      if (e?.name === 'welcome') return this.#welcomed(e.data)
    }
    if (this.#up) this.#o.onFrame(frame.channel, frame.body)
  }

  #welcomed(data: Unchecked<WelcomeEvent>): void {
    const user = identity(data.user)
    const limits = readLimits(data.limits)
    if (!user || !limits) return this.#lost(1002, 'the welcome lacks the user or the limits')
    this.#stopTimer('open')
    this.#up = true
    this.#upSince = this.#o.clock.now()
    this.#rejected = 0
    const every = Math.max(1000, integer(data.heartbeat, 25_000) / 2)
    const beat = (): void => {
      this.#ping()
      this.#timer('ping', every, beat)
    }
    this.#timer('ping', every, beat)
    this.#o.link.online()
    this.#o.onUp(user, limits)
  }

  #ping(): void {
    if (!this.event(0, 'ping', {}) || this.#timers.has('dead')) return
    this.#timer('dead', deadMs, () => this.#lost(4408, 'nothing was heard'))
  }

  #lost(code: number, why: string): void {
    const { clock, log } = this.#o
    if (this.#up && clock.now() - this.#upSince >= steadyMs) this.#attempt = 0
    log('info', 'disconnected', { code, why })
    this.#drop(1000)
    if (!this.#wanted) return
    const { reason, from } = meaning[code] ?? { reason: 'network', from: 0 }
    if (code === 4401 && ++this.#rejected > 1) {
      return this.#giveUp('auth', new RoomError('auth', why || 'the token is not accepted'))
    }
    this.#again(reason, from)
  }

  /** Plans the next attempt: after a random part of the backoff, which is 500 ms at first (exponential backoff with full jitter). */
  #again(reason: LinkReason, from: number): void {
    const { clock, link } = this.#o
    this.#attempt = Math.max(this.#attempt, from)
    const most = Math.min(backoff.most, backoff.first * 2 ** this.#attempt)
    const wait = Math.round(clock.random() * most)
    this.#attempt++
    link.lost(reason, this.#attempt, clock.now() + wait)
    this.#timer('retry', wait, () => void this.#connect())
  }

  #giveUp(reason: LinkReason, error: RoomError): void {
    this.#wanted = false
    this.#drop(1000)
    this.#o.link.closed(reason, error)
  }

  /** Closes the connection without waiting for the server. */
  #drop(code: number): void {
    this.#try++
    for (const cancel of this.#timers.values()) cancel()
    this.#timers.clear()
    const ws = this.#ws
    this.#ws = undefined
    if (ws) {
      ws.onopen = ws.onmessage = ws.onclose = null
      ws.onerror = () => {}
      try {
        ws.close(code)
      } catch { /* it never opened */ }
    }
    if (!this.#up) return
    this.#up = false
    this.#o.onDown()
  }

  #write(channel: number, body: Body): void {
    this.#ws?.send(encodeFrame(channel, body) as Uint8Array<ArrayBuffer>)
  }

  #timer(name: 'open' | 'ping' | 'dead' | 'retry', ms: number, run: () => void): void {
    this.#stopTimer(name)
    this.#timers.set(name, this.#o.clock.after(ms, () => {
      this.#timers.delete(name)
      run()
    }))
  }

  #stopTimer(name: 'open' | 'ping' | 'dead' | 'retry'): void {
    this.#timers.get(name)?.()
    this.#timers.delete(name)
  }
}
