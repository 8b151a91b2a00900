import { Activity } from './activity.ts'
import { Credentials } from './auth.ts'
import { systemClock, type Clock } from './clock.ts'
import { decodeEvent, text } from './events.ts'
import type { Body } from './frame.ts'
import type { WireLimits, WireUser } from './generated/events.ts'
import { Guest } from './guest.ts'
import { Api } from './http.ts'
import { LinkState } from './link.ts'
import { Inbox } from './notifications.ts'
import { WebPush } from './push.ts'
import { Cell, type Readable } from './readable.ts'
import { readRefusal, RoomSession, type RoomSocket } from './room.ts'
import { Socket, type WebSocketLike } from './socket.ts'
import { RoomError } from './errors.ts'
import type { Client, ClientOptions, Link, PersonStatus, Room, RoomOptions, Self } from './types.ts'
import { onWake } from './wake.ts'
import { Watching } from './watch.ts'

/** The environment of a client, which tests replace. */
export interface Surroundings {
  readonly clock?: Clock
  readonly open?: (url: string, protocols: string[]) => WebSocketLike
  readonly fetch?: typeof fetch
}

/** Makes a client. It connects at the first room() or connect(). */
export function createClient(options: ClientOptions = {}, surroundings: Surroundings = {}): Client {
  return new WeftClient(options, surroundings)
}

class WeftClient implements Client {
  readonly link: Readable<Link>
  readonly notifications: Inbox
  readonly push: WebPush
  readonly self = new Cell<Self | undefined>(undefined)
  readonly #link: LinkState
  readonly #clock: Clock
  readonly #socket: Socket
  readonly #api: Api
  readonly #activity: Activity
  readonly #watching: Watching
  readonly #guest: Guest | undefined
  readonly #credentials: Credentials
  readonly #log: NonNullable<ClientOptions['log']>
  readonly #rooms = new Map<string, RoomSession>()
  readonly #ends: (() => void)[] = []
  readonly #able: boolean
  readonly #keep: boolean
  #channel = 0
  #stopped = false // by disconnect()
  #user = ''
  #limits: WireLimits | undefined // of the last connection that was up

  constructor(options: ClientOptions, around: Surroundings) {
    const base = origin(options.server)
    const clock = around.clock ?? systemClock
    const log = options.log ?? (() => {})
    this.#clock = clock
    this.#log = log
    this.#keep = options.storage !== 'memory'
    this.#able = around.open !== undefined || typeof WebSocket !== 'undefined'
    this.#link = new LinkState(clock)
    this.link = this.#link.readable

    const { auth } = options
    if (auth === undefined) {
      const guest = new Guest(base, options.guest?.name, options.storage !== 'memory', around.fetch)
      this.#guest = guest
      this.#credentials = new Credentials(({ reason }) => guest.token(reason), clock)
      this.#ends.push(guest.self.subscribe((self) => { if (self) this.self.set(self) }))
    } else {
      this.#credentials = new Credentials(typeof auth === 'function' ? auth : () => auth, clock)
    }
    const credentials = this.#credentials
    this.#api = new Api(base, credentials, around.fetch)
    this.#socket = new Socket({
      url: `${base.replace(/^http/, 'ws')}/socket`,
      token: (reason) => credentials.token(reason),
      clock, log, link: this.#link,
      open: around.open ?? ((url, protocols) => new WebSocket(url, protocols) as unknown as WebSocketLike),
      onUp: (user, limits) => this.#up(user, limits),
      onFrame: (channel, body) => this.#frame(channel, body),
      onDown: () => {
        this.#watching.down()
        for (const room of this.#rooms.values()) room.down()
      },
    })
    credentials.onRenewed = (token) => void this.#socket.event(0, 'hello', { token })
    this.#watching = new Watching((name, data) => void this.#socket.event(0, name, data), log)
    this.#activity = new Activity(clock, (on) => void this.#socket.event(0, 'active', { on }))
    this.#ends.push(() => this.#activity.stop())
    this.notifications = new Inbox(this.#api, clock, log)
    this.push = new WebPush(this.#api, this.#guest && (() => credentials.token('connect')))
    this.#ends.push(onWake(() => { if (!this.#stopped && this.#rooms.size > 0) this.#socket.retry() }))
    if (typeof document !== 'undefined') {
      const shown = (): void => this.notifications.visible(document.visibilityState === 'visible')
      document.addEventListener('visibilitychange', shown)
      this.#ends.push(() => document.removeEventListener('visibilitychange', shown))
    }
  }

  room(id: string, options: RoomOptions = {}): Room {
    let room = this.#rooms.get(id)
    if (room && options.doc && options.doc !== room.doc) {
      throw new RoomError('conflict', `the room ${id} is open with another document`)
    }
    if (!room) {
      room = new RoomSession(id, options, {
        socket: this.#roomSocket(), link: this.link, api: this.#api, clock: this.#clock, log: this.#log, keep: this.#keep,
        onJoined: () => this.#activity.joined(), onGone: (gone) => this.#gone(gone),
      })
      this.#rooms.set(id, room)
      if (this.#socket.up) room.up()
    }
    if (!this.#stopped && this.#able) this.#socket.start() // without WebSocket, such as while a server renders the page, nothing connects
    return room.use()
  }

  watch(ids: readonly string[]): Readable<ReadonlyMap<string, PersonStatus>> { return this.#watching.watch(ids) }

  async rename(name: string): Promise<void> {
    if (!this.#guest) throw new RoomError('forbidden', 'only a guest chooses a name here')
    await this.#guest.rename(name)
    this.#credentials.forget()
    this.#socket.restart()
  }

  connect(): void {
    this.#stopped = false
    if (this.#link.get().state === 'closed') {
      this.#credentials.forget()
      for (const room of this.#rooms.values()) room.reconsider()
    }
    this.#socket.start()
    this.notifications.allow(true)
  }

  disconnect(): void {
    this.#stopped = true
    this.#socket.stop()
    this.notifications.allow(false)
  }

  retry(): void {
    if (this.#link.get().state === 'closed') this.connect()
    else if (!this.#stopped) this.#socket.retry()
  }

  destroy(): void {
    this.#ends.forEach((end) => end())
    for (const room of this.#rooms.values()) room.destroy()
    this.#rooms.clear()
    this.disconnect()
    this.#credentials.stop()
    this.notifications.destroy()
    this.push.destroy()
  }

  #up(user: WireUser, limits: WireLimits): void {
    const guest = this.#guest !== undefined
    const known = this.self.get()
    if (known?.id !== user.id || known.name !== user.name) this.self.set({ ...user, guest })
    if (this.#user !== '' && this.#user !== user.id) this.notifications.reset()
    this.#user = user.id
    this.#limits = limits
    this.#channel = 0
    this.#watching.up(limits.watched)
    for (const room of this.#rooms.values()) room.up()
  }

  #frame(channel: number, body: Body): void {
    if (channel === 0) {
      const e = body.type === 16 ? decodeEvent(body.bytes) : undefined
      if (e?.name === 'status') this.#watching.received(e.data)
      if (e?.name === 'read') this.#rooms.get(text(e.data.room))?.readElsewhere(e.data)
      if (e?.name !== 'refused') return
      const { channel: which, code, reason } = readRefusal(e.data)
      for (const room of this.#rooms.values()) if (room.refused(which, code, reason)) return
      return
    }
    for (const room of this.#rooms.values()) if (room.received(channel, body)) return
  }

  #gone(room: RoomSession): void {
    this.#rooms.delete(room.id)
    room.destroy()
  }

  #roomSocket(): RoomSocket {
    const socket = this.#socket
    return {
      get up() { return socket.up },
      limits: () => this.#limits,
      send: (channel, body) => socket.send(channel, body),
      channel: () => ++this.#channel,
    }
  }
}

function origin(server: string | URL | undefined): string {
  if (server !== undefined) return new URL(server).origin
  if (typeof location !== 'undefined') return location.origin
  throw new RoomError('invalid', 'createClient needs `server` outside a browser')
}
