import { fields, identities, identity, integer, isFields, list, optionalText, text } from './events.ts'
import type { WireMention, WireMessage, WireReaction, WireReplies } from './generated/events.ts'
import { foldName, messageParts, type MessagePart } from './parts.ts'
import type { RoomError } from './errors.ts'
import type { Json, Message, MessageInput, Quote, UserInfo } from './types.ts'

export interface Viewer {
  readonly me: string
  readonly slot: (user: string) => number
  /** The name of a user; undefined for one who has not been in the room. */
  readonly name?: (user: string) => string | undefined
}

/** Reads a message of the HTTP API or of an event, which are the same. Undefined if `v` is no message. */
export function readMessage(v: unknown, viewer: Viewer): (Message & { readonly seq: number }) | undefined {
  const f = fields<WireMessage>(v)
  const id = text(f.id)
  const seq = integer(f.seq)
  const user = identity(f.user)
  if (id === '' || seq < 1 || !user) return undefined
  const mentions = list(f.mentions).map((m) => {
    const one = fields<WireMention>(m)
    const who = optionalText(one.user)
    return { ...(who === undefined ? {} : { user: who }), ...(one.room === true ? { room: true } : {}) }
  })
  const mine = user.id === viewer.me
  const thread = optionalText(f.thread)
  const editedAt = optionalText(f.editedAt)
  const editedBy = identity(f.editedBy)
  const replies = isFields(f.replies) ? fields<WireReplies>(f.replies) : undefined
  return {
    id, seq, rev: integer(f.rev), room: text(f.room), user: { ...user, slot: viewer.slot(user.id) }, text: text(f.text), mentions,
    parts: readParts(text(f.text), mentions, viewer.name),
    reactions: list(f.reactions).map((r) => {
      const one = fields<WireReaction>(r)
      const users = list(one.users).map(text)
      return { emoji: text(one.emoji), users, mine: users.includes(viewer.me) }
    }),
    createdAt: text(f.createdAt), deleted: f.deleted === true, state: 'sent', mine,
    mentionsMe: !mine && mentions.some((m) => m.room === true || m.user === viewer.me),
    ...(thread === undefined ? {} : { thread }),
    ...(editedAt === undefined ? {} : { editedAt }),
    ...(editedBy ? { editedBy } : {}),
    ...(replies ? { replies: { count: integer(replies.count), last: text(replies.last), people: identities(replies.people) } } : {}),
    ...(isFields(f.quote) ? { quote: json(f.quote) as Quote } : {}),
  }
}

/** Parses a text into parts. `mentions` are the mentions that the server found in it. */
export function readParts(text: string, mentions: Message['mentions'], name: Viewer['name']): readonly MessagePart[] {
  const names = new Map<string, string>()
  for (const m of mentions) {
    if (m.room) names.set('room', '@room')
    if (m.user === undefined) continue
    names.set(foldName(m.user), m.user)
    const known = name?.(m.user)
    if (known) names.set(foldName(known), m.user)
  }
  return messageParts(text, names)
}

/** The row of an own message that is not stored yet. */
export function draftMessage(room: string, id: string, input: MessageInput, author: UserInfo, slot: number, createdAt: number): Message {
  return {
    id, rev: 0, room, user: { ...author, slot }, text: input.text, parts: messageParts(input.text), mentions: [], reactions: [],
    createdAt: new Date(createdAt).toISOString(), deleted: false, state: 'queued', mine: true, mentionsMe: false,
    ...(input.thread === undefined ? {} : { thread: input.thread }),
    ...(input.quote === undefined ? {} : { quote: input.quote }),
  }
}

/** The same row in another state. */
export function inState(m: Message, state: Message['state'], error?: RoomError): Message {
  const { error: _, ...rest } = m
  return error ? { ...rest, state, error } : { ...rest, state }
}

/** Keeps the values that JSON has; any other value becomes null. */
function json(v: unknown): Json {
  if (v === null || typeof v === 'boolean' || typeof v === 'number' || typeof v === 'string') return v
  if (Array.isArray(v)) return v.map(json)
  if (isFields(v)) return Object.fromEntries(Object.entries(v).map(([k, e]) => [k, json(e)]))
  return null
}
