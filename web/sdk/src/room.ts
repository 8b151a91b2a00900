import * as Y from 'yjs'
import { AwarenessSync } from './awareness.ts'
import { ChatState } from './chat.ts'
import type { Clock } from './clock.ts'
import { onComposition } from './compose.ts'
import { decodeEvent, eventBody, identity, integer, text, type Unchecked } from './events.ts'
import type { Body } from './frame.ts'
import type { ClientEvents } from './generated/commands.ts'
import type { JoinedEvent, ReadEvent, RefusedEvent, WireLimits } from './generated/events.ts'
import type { Api } from './http.ts'
import { PresenceState } from './presence.ts'
import { RoomProvider } from './provider.ts'
import { Cell, derived, type Readable } from './readable.ts'
import { SafetyState } from './safety.ts'
import { DocSync } from './sync.ts'
import { RoomError, type ErrorCode } from './errors.ts'
import type { Link, LinkReason, Log, Role, Room, RoomOptions, Safety } from './types.ts'

/** A room is left this long after its last leave(): React mounts twice, routers leave and return. */
const lingerMs = 5_000
const retryMs = { first: 1_000, most: 30_000 }

/** The part of the connection that a room uses. */
export interface RoomSocket {
  readonly up: boolean
  send(channel: number, body: Body): boolean
  /** A channel number that was not used on this connection. */
  channel(): number
  /** The server's limits; undefined before the first connection is up. */
  limits(): WireLimits | undefined
}

export interface RoomDeps {
  readonly socket: RoomSocket
  readonly link: Readable<Link>
  readonly api: Api
  readonly clock: Clock
  readonly log: Log
  /** Keep drafts in the storage of this device. */
  readonly keep?: boolean
  readonly onJoined?: () => void
  /** Called some time after the last leave(), when nothing is unsaved. */
  readonly onGone: (room: RoomSession) => void
}

type Joining = { readonly state: 'out' | 'joining' | 'joined' } | Extract<Link, { state: 'closed' }>

/** One room on the connection: joins, passes frames to its parts, and rejoins after a reconnect. */
export class RoomSession implements Room {
  readonly id: string
  readonly doc: Y.Doc
  readonly role = new Cell<Role>('none')
  readonly link: Readable<Link>
  readonly safety: Readable<Safety>
  readonly synced: Promise<void>
  readonly presence = new PresenceState()
  readonly chat: ChatState
  readonly provider: RoomProvider
  readonly #deps: RoomDeps
  readonly #sync: DocSync
  readonly #awareness: AwarenessSync
  readonly #safety: SafetyState
  readonly #ends: (() => void)[] = []
  readonly #joining = new Cell<Joining>({ state: 'out' })
  #channel = 0 // 0: not joined or joining
  #everJoined = false
  #paused = false
  #refusals = 0
  #uses = 0
  #cancelRetry: (() => void) | undefined
  #cancelLinger: (() => void) | undefined

  constructor(id: string, options: RoomOptions, deps: RoomDeps) {
    this.id = id
    this.#deps = deps
    const { clock, log } = deps
    this.doc = options.doc ?? new Y.Doc({ gc: true })
    this.#sync = new DocSync(this.doc, clock)
    this.#awareness = new AwarenessSync(this.doc, clock)
    this.chat = new ChatState({ room: id, api: deps.api, clock, log, slot: (user) => this.presence.slot(user), name: (user) => this.presence.name(user), keep: deps.keep ?? false })
    this.link = derived([deps.link, this.#joining], (link, joining) => this.#seen(link, joining))
    this.#safety = new SafetyState(this.#sync.state, this.link, () => this.#rescue(), clock)
    this.safety = this.#safety.readable
    this.provider = new RoomProvider({
      room: id, doc: this.doc, awareness: this.#awareness.awareness, sync: this.#sync.state, link: this.link,
      connect: () => this.#pause(false), disconnect: () => this.#pause(true),
    })
    this.synced = new Promise((resolve) => {
      const end = this.#sync.state.subscribe((s) => {
        if (!s.loaded) return
        resolve()
        queueMicrotask(() => end())
      })
    })
    if (options.holdWhileComposing !== false) this.#ends.push(onComposition((on) => this.#sync.hold(on)))
  }

  holdUpdates(on: boolean): void { this.#sync.hold(on) }

  /** Counts another user of this object. */
  use(): this {
    this.#uses++
    this.#cancelLinger?.()
    this.#cancelLinger = undefined
    return this
  }

  leave(): void {
    if (this.#uses === 0 || --this.#uses > 0) return
    this.#linger()
  }

  /** The connection is up: joins the room. */
  up(): void {
    if (this.#paused || this.#channel !== 0 || this.#joining.get().state === 'closed') return
    this.#channel = this.#deps.socket.channel()
    this.#joining.set({ state: 'joining' })
    this.#control('join', { channel: this.#channel, room: this.id })
  }

  /** The connection or its channel is lost. */
  down(): void {
    this.#cancelRetry?.()
    this.#cancelRetry = undefined
    this.#channel = 0
    if (this.#joining.get().state !== 'closed') this.#joining.set({ state: 'out' })
    this.#sync.lost()
    this.#awareness.lost()
    this.presence.lost()
    this.chat.lost()
  }

  /** True if the frame was for this room. */
  received(channel: number, body: Body): boolean {
    if (channel !== this.#channel || channel === 0) return false
    try {
      this.#take(body)
    } catch (err) {
      this.#deps.log('error', 'a message of the room could not be used', err)
    }
    return true
  }

  /** A channel was refused. True if it was this room's. */
  refused(channel: number, code: number, reason: string): boolean {
    if (channel !== this.#channel || channel === 0) return false
    this.down()
    const why = refusals[code]
    if (why) {
      this.#joining.set({ state: 'closed', reason: why.reason, error: new RoomError(why.code, reason, { retryable: false }) })
    } else {
      this.#deps.log('warn', 'the room cannot be joined now; it will be retried', { code, reason })
      const wait = Math.min(retryMs.most, retryMs.first * 2 ** this.#refusals++) * (0.5 + this.#deps.clock.random() / 2)
      this.#cancelRetry = this.#deps.clock.after(wait, () => { if (this.#deps.socket.up) this.up() })
    }
    return true
  }

  /** The user has read this room in another tab. */
  readElsewhere(data: Unchecked<ReadEvent>): void { this.chat.readElsewhere(data) }

  /** Joins again after a refusal, since a new token may bring other rights. */
  reconsider(): void {
    if (this.#joining.get().state === 'closed') this.#joining.set({ state: 'out' })
    if (this.#deps.socket.up) this.up()
  }

  destroy(): void {
    this.#cancelLinger?.()
    this.#ends.forEach((end) => end())
    this.chat.setTyping(false)
    this.#awareness.destroy() // removes our state while the channel is open
    if (this.#channel !== 0) this.#control('leave', { channel: this.#channel })
    this.down()
    this.provider.end()
    this.#safety.stop()
    this.#sync.destroy()
    this.chat.destroy()
  }

  #take(body: Body): void {
    const open = this.#joining.get().state === 'joined'
    switch (body.type) {
      case 0:
        if (open) this.#sync.receive(body.kind, body.bytes)
        return
      case 1:
        if (open) this.#awareness.receive(body.bytes)
        return
      case 3:
        if (open) this.#awareness.queried()
        return
      case 17:
        if (open) this.#sync.acked(body.n)
        return
      case 16: {
        const e = decodeEvent(body.bytes)
        if (!e) return
        if (e.name === 'joined') this.#joined(e.data)
        else if (e.name !== 'presence') this.chat.event(e.name, e.data)
        else {
          this.presence.changed(e.data)
          this.chat.slotsChanged()
        }
      }
    }
  }

  #joined(data: Unchecked<JoinedEvent>): void {
    const me = identity(data.user)
    const limits = this.#deps.socket.limits()
    if (!me || !limits) return
    const channel = this.#channel
    const slot = integer(data.slot)
    const role = roles.find((r) => r === data.role) ?? 'none'
    const send = (body: Body): void => { this.#deps.socket.send(channel, body) }
    this.#refusals = 0
    this.#everJoined = true
    this.#joining.set({ state: 'joined' })
    this.role.set(role)
    this.presence.joined(me, slot, data.people, data.count)
    this.#sync.joined(send, role === 'write' || role === 'admin', limits)
    this.#awareness.joined(send, { ...me, slot })
    this.chat.joined((name, d) => send(eventBody(name, d)), me, data, limits)
    this.chat.slotsChanged()
    this.#deps.onJoined?.()
  }

  #seen(link: Link, joining: Joining): Link {
    if (joining.state === 'closed') return joining
    if (this.#paused) return { state: 'idle' }
    if (link.state === 'online' && joining.state !== 'joined' && !this.#everJoined) return { state: 'connecting' }
    return link // rejoining takes a moment; unsaved work is shown as `saving` meanwhile
  }

  #pause(on: boolean): void {
    if (on === this.#paused) return
    this.#paused = on
    if (on) {
      if (this.#channel !== 0) this.#control('leave', { channel: this.#channel })
      this.down()
      this.#joining.set({ state: 'out' })
    } else {
      this.#joining.set({ state: 'joining' })
      if (this.#deps.socket.up) this.up()
    }
  }

  #linger(): void {
    this.#cancelLinger = this.#deps.clock.after(lingerMs, () => {
      const unsaved = this.#sync.state.get().pending > 0 || this.chat.waiting
      const over = this.link.get().state === 'closed'
      if (unsaved && !over) this.#linger() // unsaved work is not dropped because a page was left
      else this.#deps.onGone(this)
    })
  }

  #control<N extends keyof ClientEvents>(name: N, data: ClientEvents[N]): void {
    this.#deps.socket.send(0, eventBody(name, data))
  }

  #rescue(): Promise<Blob> {
    return Promise.resolve(new Blob([Y.encodeStateAsUpdate(this.doc) as Uint8Array<ArrayBuffer>], { type: 'application/octet-stream' }))
  }
}

const roles: readonly Role[] = ['none', 'read', 'comment', 'write', 'admin']

/** Refusals that are final, by close code: trying again would not help. */
const refusals: Readonly<Record<number, { reason: LinkReason; code: ErrorCode }>> = {
  4400: { reason: 'forbidden', code: 'invalid' },
  4401: { reason: 'auth', code: 'auth' },
  4403: { reason: 'forbidden', code: 'forbidden' },
  4404: { reason: 'deleted', code: 'deleted' },
}

/** Reads the event `refused`. */
export function readRefusal(data: Unchecked<RefusedEvent>): { channel: number; code: number; reason: string } {
  return { channel: integer(data.channel), code: integer(data.code), reason: text(data.reason) }
}
