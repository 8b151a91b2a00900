// Events: msgpack of [name, map], and how their maps are read. Nothing that
// came from the network is believed to have a shape before it was looked at.
import { decode, encode } from '@msgpack/msgpack'

export type Fields = { readonly [key: string]: unknown }

export interface RoomEvent { readonly name: string; readonly data: Fields }

export function encodeEvent(name: string, data: Fields): Uint8Array {
  return encode([name, data], { sortKeys: true, ignoreUndefined: true })
}

/** Undefined if it is not an event. Later versions may append to the array. */
export function decodeEvent(bytes: Uint8Array): RoomEvent | undefined {
  let value: unknown
  try {
    value = decode(bytes)
  } catch {
    return undefined
  }
  if (!Array.isArray(value)) return undefined
  const [name, data] = value as unknown[]
  return typeof name === 'string' && isFields(data) ? { name, data } : undefined
}

export function isFields(v: unknown): v is Fields {
  return typeof v === 'object' && v !== null && !Array.isArray(v)
}

export function fields(v: unknown): Fields { return isFields(v) ? v : {} }
export function text(v: unknown): string { return typeof v === 'string' ? v : '' }
export function optionalText(v: unknown): string | undefined { return typeof v === 'string' && v !== '' ? v : undefined }
export function integer(v: unknown, otherwise = 0): number { return typeof v === 'number' && Number.isFinite(v) ? v : otherwise }
export function list(v: unknown): readonly unknown[] { return Array.isArray(v) ? v : [] }

export interface Identity { readonly id: string; readonly name: string }

/** Undefined without an id. */
export function identity(v: unknown): Identity | undefined {
  const f = fields(v)
  const id = text(f['id'])
  return id === '' ? undefined : { id, name: text(f['name']) || id }
}

export function identities(v: unknown): readonly Identity[] {
  return list(v).map(identity).filter((u) => u !== undefined)
}
