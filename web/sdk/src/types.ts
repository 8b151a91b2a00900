// What the SDK hands out. Every live value is a Readable; every snapshot is
// immutable and keeps its identity while nothing has changed.
import type { Awareness } from 'y-protocols/awareness'
import type * as Y from 'yjs'
import type { Readable } from './readable.ts'
import type { RoomError } from './errors.ts'
import type { MessagePart } from './parts.ts'

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json }

/** RFC 3339, as the server writes it. */
export type ISODate = string

/** The contract's words; each includes the former. `none` until the room has been joined. */
export type Role = 'none' | 'read' | 'comment' | 'write' | 'admin'

export interface UserInfo { readonly id: string; readonly name: string; readonly avatar?: string }

export interface Self extends UserInfo { readonly guest: boolean }

/** One person, however many tabs and devices. */
export interface Person extends UserInfo {
  /** 0–11, given by the server; class `c0`…`c11` in our own surfaces. */
  readonly slot: number
  /** `#rrggbb`, for other people's editors: y-prosemirror takes no other form. */
  readonly color: string
  /** `#rrggbb33`. */
  readonly colorLight: string
  readonly state: 'active' | 'idle' | 'away'
  /** Connections in this room; 0 in the seconds after the last one broke. */
  readonly devices: number
  readonly since: ISODate
}

export type LinkReason = 'network' | 'server-drain' | 'server-down' | 'auth' | 'forbidden' | 'kicked' | 'weft-full' | 'deleted' | 'too-large' | 'client-too-old' | 'user'

/** What the network is doing. It says nothing about whether work is safe: see Safety. */
export type Link =
  | { readonly state: 'idle' | 'connecting' | 'online' }
  | { readonly state: 'reconnecting' | 'offline'; readonly since: number; readonly attempt: number; readonly nextTryAt: number | null; readonly reason: LinkReason }
  | { readonly state: 'closed'; readonly reason: LinkReason; readonly error?: RoomError }

/** Whether the reader's own work is stored. Times are Date.now(); `pending` counts bursts of change, 1 s each. */
export type Safety =
  | { readonly state: 'loading' }
  | { readonly state: 'saved'; readonly at: number }
  | { readonly state: 'saving'; readonly pending: number; readonly since: number }
  | { readonly state: 'local'; readonly pending: number; readonly since: number }
  | { readonly state: 'memory'; readonly pending: number; readonly since: number }
  | { readonly state: 'refused'; readonly error: RoomError; readonly rescue: () => Promise<Blob> }

export interface Reaction { readonly emoji: string; readonly users: readonly string[]; readonly mine: boolean }

/** What a quote holds is the application's; `text` is what was quoted. */
export type Quote = { readonly text?: string } & { readonly [key: string]: Json | undefined }

export interface Message {
  /** A ULID made by the client; the same id is the same message, always. */
  readonly id: string
  /** Present once stored. One gapless order in a room. */
  readonly seq?: number
  /** Of its last change, in one order of the room's changes; 0 until it is stored. */
  readonly rev: number
  readonly room: string
  /** `slot` is the one the server would give first, for somebody this session has not seen here. */
  readonly user: UserInfo & { readonly slot: number }
  readonly text: string
  /** The text, parsed once, so that every surface draws it alike. */
  readonly parts: readonly MessagePart[]
  readonly thread?: string
  readonly quote?: Quote
  /** Of one person, or of the room. */
  readonly mentions: readonly { readonly user?: string; readonly room?: boolean }[]
  readonly reactions: readonly Reaction[]
  readonly createdAt: ISODate
  readonly editedAt?: ISODate
  /** Who edited it last, if not its author. */
  readonly editedBy?: UserInfo
  /** The thread under it; missing if nobody has answered. `people` wrote the newest ones, the last one first. */
  readonly replies?: { readonly count: number; readonly last: ISODate; readonly people: readonly UserInfo[] }
  /** Its text, quote, mentions and reactions are gone. */
  readonly deleted: boolean
  /** queued: will be sent when the room is joined. failed: see `error`; retry or discard. */
  readonly state: 'queued' | 'sending' | 'sent' | 'failed'
  readonly error?: RoomError
  readonly mine: boolean
  readonly mentionsMe: boolean
}

/** What somebody has begun to write. */
export interface Draft { readonly text: string; readonly quote?: Quote }

export interface MessageInput { text: string; thread?: string; quote?: Quote; /** Default: a new ULID. */ id?: string }

/** What I have not read here: neither mine nor deleted ones. All up to seq `read` is read. */
export interface Unread { readonly read: number; readonly count: number; readonly mentions: number }

/** The replies to one message. */
export interface Thread {
  /** The message that is answered; undefined until it has been read. */
  readonly root: Readable<Message | undefined>
  /** Oldest first; mine that are not stored yet at the end. */
  readonly replies: Readable<readonly Message[]>
  readonly hasOlder: Readable<boolean>
  readonly loading: Readable<boolean>
  /** Everybody typing in it, without me. */
  readonly typing: Readable<readonly UserInfo[]>
  readonly draft: Readable<Draft>
  loadOlder(): Promise<void>
  /** As in the chat. */
  setTyping(on: boolean): void
  send(input: string | MessageInput): Promise<Message>
  setDraft(patch: { readonly text?: string; readonly quote?: Quote | undefined }): void
}

/** A system line, which is no message: it stands behind the message with seq `after`. */
export interface Line {
  readonly n: number
  /** `joined`: here for the first time. `renamed`: was `before`. Others may follow. */
  readonly kind: 'joined' | 'renamed' | (string & {})
  readonly user: UserInfo
  readonly before?: string
  readonly after: number
  readonly at: ISODate
}

/** A message that a search found; `marks` are start and length of the words, in UTF-16 code units of `text`. */
export interface Found { readonly message: Message; readonly snippet: { readonly text: string; readonly marks: readonly (readonly [number, number])[] } }

export interface Chat {
  /** Oldest first: stored messages by `seq`, then mine that are not yet stored. */
  readonly messages: Readable<readonly Message[]>
  readonly hasOlder: Readable<boolean>
  readonly loading: Readable<boolean>
  /** Everybody typing, without me. */
  readonly typing: Readable<readonly UserInfo[]>
  /** The row is in `messages` before this returns. Resolves when the server has stored it. */
  send(input: string | MessageInput): Promise<Message>
  retry(id: string): Promise<Message>
  /** Forgets a failed or queued row. */
  discard(id: string): void
  /** These three resolve when it is stored, and show at once; without a connection they wait. */
  edit(id: string, text: string): Promise<Message>
  remove(id: string): Promise<Message>
  /** Puts an emoji of mine under a message, or takes it away; without `on` it does the other of the two. */
  react(id: string, emoji: string, on?: boolean): Promise<Message>
  /** The same object for the same message. */
  thread(root: string): Thread
  readonly unread: Readable<Unread>
  /** All up to this seq is read, on all my devices; without it, all. Call it for what was on screen. */
  markRead(upTo?: number): void
  /** Messages that have all the words of `q`, newest first; `before` a seq is the next page. */
  search(q: string, options?: { limit?: number; before?: number }): Promise<readonly Found[]>
  /** The newest 100, in order. */
  readonly lines: Readable<readonly Line[]>
  /** Reads back until the message is in `messages`; false if it cannot be found. */
  reveal(id: string): Promise<boolean>
  loadOlder(limit?: number): Promise<void>
  /** Call on every key: renewed every 3 s, cleared 5 s after the last call. */
  setTyping(on: boolean): void
  /** Survives a reload of the page, unless `storage` is memory. Sending does not clear it. */
  readonly draft: Readable<Draft>
  /** What is left out stays; `quote: undefined` takes the quote away. */
  setDraft(patch: { readonly text?: string; readonly quote?: Quote | undefined }): void
}

export interface Presence {
  /** How many are here, me too; of a crowd more than `others` lists. 0 without a connection. */
  readonly count: Readable<number>
  readonly me: Readable<Person | undefined>
  /** Without me. Active first, then idle, then away; each by arrival. */
  readonly others: Readable<readonly Person[]>
}

export interface Notice {
  readonly id: string
  readonly kind: string
  readonly room: string
  readonly title: string
  readonly body: string
  /** A path on this origin. */
  readonly url: string
  readonly actor: { readonly id: string; readonly name: string }
  readonly createdAt: ISODate
  readonly seenAt?: ISODate
  readonly readAt?: ISODate
}

export interface Notifications {
  /** Newest first. The first subscriber opens the stream. */
  readonly items: Readable<readonly Notice[]>
  readonly unread: Readable<number>
  readonly unseen: Readable<number>
  readonly hasMore: Readable<boolean>
  readonly live: Readable<boolean>
  loadMore(): Promise<void>
  markRead(id: string): Promise<void>
  markAllRead(): Promise<void>
  /** Opens the stream without a subscriber; calling twice is harmless. */
  start(): void
}

export type PushState =
  | { readonly state: 'unknown' | 'on' | 'off' | 'asking' | 'denied' }
  | { readonly state: 'unsupported'; readonly why: 'insecure' | 'no-worker' | 'no-push' | 'in-iframe' }
  | { readonly state: 'needs-install'; readonly platform: 'ios' }
  | { readonly state: 'error'; readonly error: RoomError }

export interface Push {
  readonly state: Readable<PushState>
  /** Looks, without asking, whether this browser has a subscription. */
  refresh(): Promise<PushState>
  /** Only from a click or a key press: the browser asks at once. */
  enable(): Promise<PushState>
  disable(): Promise<PushState>
  test(): Promise<void>
}

export type Log = (level: 'debug' | 'info' | 'warn' | 'error', message: string, data?: unknown) => void

export interface ClientOptions {
  /** Origin of the server. Default: location.origin. */
  server?: string | URL
  /** Who this is. Asked before the first connection, at 80 % of the token's life and after a 401. Without it the person is a guest. */
  auth?: AuthToken | ((context: AuthContext) => AuthToken | Promise<AuthToken>)
  /** What to call a guest. The server chooses if this is left out. */
  guest?: { name?: string }
  /** Where a guest's identity is kept: localStorage, or this tab only. Default 'local'. */
  storage?: 'local' | 'memory'
  log?: Log
}

export type AuthToken = string | { token: string; /** Date.now() milliseconds; read from the JWT if absent. */ expiresAt?: number }
export interface AuthContext { reason: 'connect' | 'refresh' | 'rejected' }

export interface RoomOptions {
  /** A document of the application's own; it must be made by the same copy of Yjs. */
  doc?: Y.Doc
  /** Hold other people's changes back while an input method composes in this window. Default true. */
  holdWhileComposing?: boolean
}

/** The events of YProvider, by name. */
export interface ProviderEvents {
  status: { status: 'connecting' | 'connected' | 'disconnected' }
  sync: boolean
  synced: boolean
  unsyncedChanges: { number: number }
}

/** The surface that Yjs editor bindings expect of a provider. */
export interface YProvider {
  readonly doc: Y.Doc
  readonly document: Y.Doc // Hocuspocus's word
  readonly awareness: Awareness
  readonly roomname: string
  readonly synced: boolean
  readonly isSynced: boolean
  readonly wsconnected: boolean
  readonly status: 'connecting' | 'connected' | 'disconnected'
  readonly hasUnsyncedChanges: boolean
  readonly unsyncedChanges: number
  connect(): void
  disconnect(): void
  destroy(): void
  on<E extends keyof ProviderEvents>(event: E, run: (data: ProviderEvents[E]) => void): void
  once<E extends keyof ProviderEvents>(event: E, run: (data: ProviderEvents[E]) => void): void
  off<E extends keyof ProviderEvents>(event: E, run: (data: ProviderEvents[E]) => void): void
}

export interface Room {
  readonly id: string
  readonly role: Readable<Role>
  /** This room's: `closed` also when the room refused us. */
  readonly link: Readable<Link>
  readonly safety: Readable<Safety>
  /** The server's document has been merged at least once. */
  readonly synced: Promise<void>
  readonly doc: Y.Doc
  readonly provider: YProvider
  readonly presence: Presence
  readonly chat: Chat
  /** While on, other people's changes wait; 30 ms after off they are applied. A call with true starts the 10 s cap anew. */
  holdUpdates(on: boolean): void
  /** Counted: call it as often as client.room(). The last one leaves, 5 s later. */
  leave(): void
}

/** Somebody over all rooms: the best of their devices. `lastSeen`, to the minute, only of who is offline. */
export interface PersonStatus { readonly status: 'online' | 'idle' | 'away' | 'offline'; readonly lastSeen?: ISODate; readonly devices: number }

export interface Client {
  /** Undefined until the server has said who this is. */
  readonly self: Readable<Self | undefined>
  readonly link: Readable<Link>
  readonly notifications: Notifications
  readonly push: Push
  /** The same object for the same id, until its last leave(). Connects. */
  room(id: string, options?: RoomOptions): Room
  /** How people are, by id, live while it is subscribed to; empty without a connection. 200 people at most. */
  watch(ids: readonly string[]): Readable<ReadonlyMap<string, PersonStatus>>
  /** A guest's new name; it takes effect with a new connection. */
  rename(name: string): Promise<void>
  connect(): void
  /** Stays disconnected until connect(). */
  disconnect(): void
  /** Tries at once instead of at `nextTryAt`. */
  retry(): void
  destroy(): void
}
