// The public types of the SDK. Every live value is a Readable. A snapshot is
// immutable, and get() returns the same object while nothing has changed.
import type { Awareness } from 'y-protocols/awareness'
import type * as Y from 'yjs'
import type { Readable } from './readable.ts'
import type { RoomError } from './errors.ts'
import type { MessagePart } from './parts.ts'

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json }

/** A time as the server writes it: RFC 3339, UTC. */
export type ISODate = string

/** What the user may do in a room; each role includes the ones before it. `none` until the room has been joined. */
export type Role = 'none' | 'read' | 'comment' | 'write' | 'admin'

export interface UserInfo { readonly id: string; readonly name: string; readonly avatar?: string }

export interface Self extends UserInfo { readonly guest: boolean }

/** One person, however many tabs and devices. */
export interface Person extends UserInfo {
  /** The number of the person's colour, 0 to 11, given by the server. Weft's elements use the class `c0` to `c11`. */
  readonly slot: number
  /** The colour as `#rrggbb`, for editors: y-prosemirror takes no other form. */
  readonly color: string
  /** The colour as `#rrggbb33`, 20 % opaque. */
  readonly colorLight: string
  readonly state: 'active' | 'idle' | 'away'
  /** Connections in this room; 0 in the 5 s after the last one ended. */
  readonly devices: number
  readonly since: ISODate
}

export type LinkReason = 'network' | 'server-drain' | 'server-down' | 'auth' | 'forbidden' | 'kicked' | 'weft-full' | 'deleted' | 'too-large' | 'client-too-old' | 'user'

/** The state of the connection. Whether work is stored is another question: see Safety. */
export type Link =
  | { readonly state: 'idle' | 'connecting' | 'online' }
  | { readonly state: 'reconnecting' | 'offline'; readonly since: number; readonly attempt: number; readonly nextTryAt: number | null; readonly reason: LinkReason }
  | { readonly state: 'closed'; readonly reason: LinkReason; readonly error?: RoomError }

/** Whether the user's own work is stored. Times are in milliseconds as from Date.now(). `pending` counts bursts of changes of 1 s each. */
export type Safety =
  | { readonly state: 'loading' }
  | { readonly state: 'saved'; readonly at: number }
  | { readonly state: 'saving'; readonly pending: number; readonly since: number }
  | { readonly state: 'local'; readonly pending: number; readonly since: number }
  | { readonly state: 'memory'; readonly pending: number; readonly since: number }
  | { readonly state: 'refused'; readonly error: RoomError; readonly rescue: () => Promise<Blob> }

export interface Reaction { readonly emoji: string; readonly users: readonly string[]; readonly mine: boolean }

/** A quote of the document. `text` is the quoted text; other members are the application's. */
export type Quote = { readonly text?: string } & { readonly [key: string]: Json | undefined }

export interface Message {
  /** A ULID made by the client. Sending the same id again is the same message. */
  readonly id: string
  /** The number of the message in its room, 1, 2, 3 …; undefined until it is stored. */
  readonly seq?: number
  /** The number of its last change among all changes in the room; 0 until it is stored. */
  readonly rev: number
  readonly room: string
  /** The author. For an author who has not been in the room during this session, `slot` is the one that the server prefers for them. */
  readonly user: UserInfo & { readonly slot: number }
  readonly text: string
  /** The text parsed into parts, so that all interfaces show it alike. */
  readonly parts: readonly MessagePart[]
  readonly thread?: string
  readonly quote?: Quote
  /** The people mentioned, or the whole room. */
  readonly mentions: readonly { readonly user?: string; readonly room?: boolean }[]
  readonly reactions: readonly Reaction[]
  readonly createdAt: ISODate
  readonly editedAt?: ISODate
  /** Who made the last edit, if not the author. */
  readonly editedBy?: UserInfo
  /** A summary of the replies; missing if there are none. `people` are authors of the newest replies, the latest first. */
  readonly replies?: { readonly count: number; readonly last: ISODate; readonly people: readonly UserInfo[] }
  /** The message was deleted: its text, quote, mentions and reactions are gone. */
  readonly deleted: boolean
  /** queued: it will be sent when the room is joined. failed: see `error`; use Chat.retry or Chat.discard. */
  readonly state: 'queued' | 'sending' | 'sent' | 'failed'
  readonly error?: RoomError
  readonly mine: boolean
  readonly mentionsMe: boolean
}

/** A message that the user has begun to write. */
export interface Draft { readonly text: string; readonly quote?: Quote }

export interface MessageInput { text: string; thread?: string; quote?: Quote; /** Default: a new ULID. */ id?: string }

/** What the user has not read in a room, own and deleted messages not counted. All messages up to seq `read` are read. */
export interface Unread { readonly read: number; readonly count: number; readonly mentions: number }

/** The replies to one message. */
export interface Thread {
  /** The message that is replied to; undefined until it has been loaded. */
  readonly root: Readable<Message | undefined>
  /** Oldest first; own replies that are not stored yet are at the end. */
  readonly replies: Readable<readonly Message[]>
  readonly hasOlder: Readable<boolean>
  readonly loading: Readable<boolean>
  /** Everybody else who is typing in the thread. */
  readonly typing: Readable<readonly UserInfo[]>
  readonly draft: Readable<Draft>
  loadOlder(): Promise<void>
  /** See Chat.setTyping. */
  setTyping(on: boolean): void
  send(input: string | MessageInput): Promise<Message>
  setDraft(patch: { readonly text?: string; readonly quote?: Quote | undefined }): void
}

/** A system message, which is no chat message: it stands behind the message with seq `after`. */
export interface Line {
  readonly n: number
  /** `joined`: the user is in the room for the first time. `renamed`: the user was called `before`. Later versions may have more kinds. */
  readonly kind: 'joined' | 'renamed' | (string & {})
  readonly user: UserInfo
  readonly before?: string
  readonly after: number
  readonly at: ISODate
}

/** A message that a search found. `marks` are the start and length of the found words, in UTF-16 code units of `snippet.text`. */
export interface Found { readonly message: Message; readonly snippet: { readonly text: string; readonly marks: readonly (readonly [number, number])[] } }

export interface Chat {
  /** Oldest first: stored messages by `seq`, then own messages that are not stored yet. */
  readonly messages: Readable<readonly Message[]>
  readonly hasOlder: Readable<boolean>
  readonly loading: Readable<boolean>
  /** Everybody else who is typing. */
  readonly typing: Readable<readonly UserInfo[]>
  /** Adds the message to `messages` before it returns. Resolves when the message is stored; rejects with a RoomError if the server refuses it. */
  send(input: string | MessageInput): Promise<Message>
  retry(id: string): Promise<Message>
  /** Removes an own message that is failed or queued. */
  discard(id: string): void
  /** edit, remove and react show their change at once and resolve when it is stored. Without a connection they wait. */
  edit(id: string, text: string): Promise<Message>
  remove(id: string): Promise<Message>
  /** Puts the user's emoji under a message, or takes it away. Without `on` it toggles. */
  react(id: string, emoji: string, on?: boolean): Promise<Message>
  /** The replies to a message; the same object for the same message. */
  thread(root: string): Thread
  readonly unread: Readable<Unread>
  /** Marks all messages up to this seq as read, on all devices of the user; without it, all messages. Call it for messages that were on screen. */
  markRead(upTo?: number): void
  /** Finds messages that have all words of `q`, newest first. For the next page pass the seq of the last result as `before`. */
  search(q: string, options?: { limit?: number; before?: number }): Promise<readonly Found[]>
  /** The newest system messages that the server keeps, in order. */
  readonly lines: Readable<readonly Line[]>
  /** Loads older messages until the message is in `messages`; false if it cannot be found. */
  reveal(id: string): Promise<boolean>
  loadOlder(limit?: number): Promise<void>
  /** Call it on every key: the mark is renewed while calls come and ends 5 s after the last one. */
  setTyping(on: boolean): void
  /** The user's draft. It survives a reload of the page, unless `storage` is memory. Sending does not clear it. */
  readonly draft: Readable<Draft>
  /** Changes the members that `patch` has. `quote: undefined` removes the quote. */
  setDraft(patch: { readonly text?: string; readonly quote?: Quote | undefined }): void
  /** How many characters (Unicode code points) the server takes in one message. undefined before the room is joined for the first time. */
  readonly maxText: number | undefined
}

export interface Presence {
  /** How many people are in the room, the user included. In a crowd it is more than `others` lists. 0 without a connection. */
  readonly count: Readable<number>
  readonly me: Readable<Person | undefined>
  /** Everybody but the user. Active people first, then idle, then away, each by arrival. */
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
  /** Checks whether this browser has a subscription, without asking the user. */
  refresh(): Promise<PushState>
  /** Asks the user for permission. Call it during a click or a key press only, as browsers require. */
  enable(): Promise<PushState>
  disable(): Promise<PushState>
  test(): Promise<void>
}

export type Log = (level: 'debug' | 'info' | 'warn' | 'error', message: string, data?: unknown) => void

export interface ClientOptions {
  /** Origin of the server. Default: location.origin. */
  server?: string | URL
  /** A token, or a function that returns one. It is called before the first connection, at 80 % of the token's lifetime and after a 401. Without it the user is a guest. */
  auth?: AuthToken | ((context: AuthContext) => AuthToken | Promise<AuthToken>)
  /** The name of a guest. By default the server chooses one. */
  guest?: { name?: string }
  /** Where a guest's identity and drafts are kept: in localStorage, or in this tab only. Default 'local'. */
  storage?: 'local' | 'memory'
  log?: Log
}

export type AuthToken = string | { token: string; /** Date.now() milliseconds; read from the JWT if absent. */ expiresAt?: number }
export interface AuthContext { reason: 'connect' | 'refresh' | 'rejected' }

export interface RoomOptions {
  /** The application's own document. It must be made by the same copy of Yjs. */
  doc?: Y.Doc
  /** Hold back the changes of others while an input method is composing in this window. Default true. */
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
  /** The connection of this room. It is also `closed` if the room refused the user. */
  readonly link: Readable<Link>
  readonly safety: Readable<Safety>
  /** Resolves when the server's document has been merged for the first time. */
  readonly synced: Promise<void>
  readonly doc: Y.Doc
  readonly provider: YProvider
  readonly presence: Presence
  readonly chat: Chat
  /** Holds back the changes of others while on, for at most 10 s after the last call with true. They are applied 30 ms after it is off. */
  holdUpdates(on: boolean): void
  /** Call it once for every client.room(). The last call leaves the room, 5 s later. */
  leave(): void
}

/** The status of a person over all rooms: that of the most active device. Only an offline person has `lastSeen`, to the minute. */
export interface PersonStatus { readonly status: 'online' | 'idle' | 'away' | 'offline'; readonly lastSeen?: ISODate; readonly devices: number }

export interface Client {
  /** The user; undefined until the server has accepted the token. */
  readonly self: Readable<Self | undefined>
  readonly link: Readable<Link>
  readonly notifications: Notifications
  readonly push: Push
  /** Joins a room, and connects if needed. The same object for the same id, until its last leave(). Throws a RoomError if the room is open with another document. */
  room(id: string, options?: RoomOptions): Room
  /** The status of people by id. It is live while it has a subscriber, and empty without a connection. The server limits how many people a client watches, 200 by default. */
  watch(ids: readonly string[]): Readable<ReadonlyMap<string, PersonStatus>>
  /** Renames a guest, and reconnects. Rejects with `forbidden` for a user with a token. */
  rename(name: string): Promise<void>
  connect(): void
  /** Disconnects until connect() is called. */
  disconnect(): void
  /** Connects at once instead of at `nextTryAt`. */
  retry(): void
  destroy(): void
}
