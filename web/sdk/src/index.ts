export { createClient, type Surroundings } from './client.ts'
export { locateQuote, quoteOf, type DocPoint, type QuotePlace, type QuoteState } from './quote.ts'
export { derived, type Readable, type Unsubscribe } from './readable.ts'
export { palette, slotCount, toSlot } from './palette.ts'
export { messageParts, safeAddress, type MessagePart } from './parts.ts'
export { RoomError } from './errors.ts'
export type { ErrorCode } from './errors.ts'
export type {
  AuthContext, AuthToken, Chat, Client, ClientOptions, Draft, Found, ISODate, Json, Line, Link, LinkReason, Log,
  Message, MessageInput, Notice, Notifications, Person, PersonStatus, Presence, ProviderEvents, Push, PushState, Quote, Reaction,
  Role, Room, RoomOptions, Safety, Self, Thread, Unread, UserInfo, YProvider,
} from './types.ts'
export type { WebSocketLike } from './socket.ts'
export type { AwarenessUser } from './awareness.ts'
