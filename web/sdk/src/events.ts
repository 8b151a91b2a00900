// Events: msgpack of [name, object], and how their objects are read.
//
// Nothing that came from the network is believed to have a shape before it was
// checked. So an object is Unchecked: the generated types say which members it
// may have, and the functions below turn each member into the type it must have.
import { decode, encode } from '@msgpack/msgpack'
import type { Body } from './frame.ts'
import type { ClientEvents } from './generated/commands.ts'
import type { ServerEvents, WireLimits, WireUser } from './generated/events.ts'

/** An object from the network whose members are not known. */
export type Fields = { readonly [key: string]: unknown }

/** An object from the network that may have the members of T, with any values. */
export type Unchecked<T> = { readonly [K in T extends unknown ? keyof T : never]?: unknown }

/** An event from the server; its name says which members its data may have. */
export type ServerEvent = { [N in keyof ServerEvents]: { readonly name: N; readonly data: Unchecked<ServerEvents[N]> } }[keyof ServerEvents]

/** Sends an event to the server. */
export type SendEvent = <N extends keyof ClientEvents>(name: N, data: ClientEvents[N]) => void

/** The body of an event for the server. */
export function eventBody<N extends keyof ClientEvents>(name: N, data: ClientEvents[N]): Body {
  return { type: 16, bytes: encodeEvent(name, data) }
}

/** msgpack of [name, data]; members that are undefined are left out. */
export function encodeEvent(name: string, data: object): Uint8Array {
  return encode([name, data], { sortKeys: true, ignoreUndefined: true })
}

/**
 * Undefined if the bytes are no event. The name may be one that this version does
 * not know. Later versions of the protocol may append to the array.
 */
export function decodeEvent(bytes: Uint8Array): ServerEvent | undefined {
  let value: unknown
  try {
    value = decode(bytes)
  } catch {
    return undefined
  }
  if (!Array.isArray(value)) return undefined
  const [name, data] = value as unknown[]
  return typeof name === 'string' && isFields(data) ? serverEvent(name, data) : undefined
}

/** An event by its name, which may be one that this version does not know. */
export function serverEvent(name: string, data: Fields): ServerEvent { return { name, data } as ServerEvent }

export function isFields(v: unknown): v is Fields {
  return typeof v === 'object' && v !== null && !Array.isArray(v)
}

/** v, or an empty object if v is none. */
export function fields<T = Fields>(v: unknown): Unchecked<T> { return (isFields(v) ? v : {}) as Unchecked<T> }
/** v, or an empty string if v is none. */
export function text(v: unknown): string { return typeof v === 'string' ? v : '' }
/** v, or undefined if v is no string or an empty one. */
export function optionalText(v: unknown): string | undefined { return typeof v === 'string' && v !== '' ? v : undefined }
/** v, or another number if v is none. */
export function integer(v: unknown, otherwise = 0): number { return typeof v === 'number' && Number.isFinite(v) ? v : otherwise }
/** v, or an empty list if v is none. */
export function list(v: unknown): readonly unknown[] { return Array.isArray(v) ? v : [] }

/** Undefined without an id; without a name, the id is the name. */
export function identity(v: unknown): WireUser | undefined {
  const f = fields<WireUser>(v)
  const id = text(f.id)
  return id === '' ? undefined : { id, name: text(f.name) || id }
}

/** The users in a list. */
export function identities(v: unknown): readonly WireUser[] {
  return list(v).map(identity).filter((u) => u !== undefined)
}

/** Undefined unless every limit is a number above 0. */
export function readLimits(v: unknown): WireLimits | undefined {
  const f = fields<WireLimits>(v)
  const limits: WireLimits = {
    update: integer(f.update), step2: integer(f.step2), event: integer(f.event), awareness: integer(f.awareness),
    awarenessState: integer(f.awarenessState), text: integer(f.text), textBytes: integer(f.textBytes), quote: integer(f.quote),
    mentions: integer(f.mentions), lines: integer(f.lines), rooms: integer(f.rooms), watched: integer(f.watched), typing: integer(f.typing),
  }
  return Object.values(limits).every((n: number) => n > 0) ? limits : undefined
}
