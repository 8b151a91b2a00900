// Quotes of the document: the quoted text, and its present place.
import * as Y from 'yjs'
import type { Quote } from './types.ts'

/** A quoted text is cut to this many UTF-16 code units. */
const maxText = 1000
/** A quoted text of at least this length that occurs once in the document is found, wherever it was moved. */
const telling = 12

/** live: the text is as it was quoted. pending: this device does not have that part of the document yet. */
export type QuoteState = 'live' | 'changed' | 'gone' | 'pending'

// Yjs declares the events of a shared type as any, and nothing narrower fits all types.
export type SharedType = Y.AbstractType<any>

/** A place in a shared type: the type and an index in Yjs's units. */
export interface DocPoint { readonly type: SharedType; readonly index: number }

/** The state of a quote and, if it is live or changed, its place. */
export interface QuotePlace { readonly state: QuoteState; readonly start?: DocPoint; readonly end?: DocPoint }

/**
 * Makes a quote of the text from `start` to `end` below the root type `field`. The
 * quote keeps its place through everybody's edits; text that is inserted at its
 * edges does not become part of it. Undefined if there is no text.
 */
export function quoteOf(doc: Y.Doc, field: string, start: DocPoint, end: DocPoint, heading = ''): Quote | undefined {
  const text = textBetween(doc.get(field), start, end)
  if (text === undefined || text.trim() === '') return undefined
  const at = (p: DocPoint, assoc: number): string => base64(Y.encodeRelativePosition(Y.createRelativePositionFromTypeIndex(p.type, p.index, assoc)))
  return { text: cut(text), field, start: at(start, 0), end: at(end, -1), ...(heading === '' ? {} : { heading: cut(heading) }) }
}

/** Finds the present place of a quote. Undefined if the quote names no place in a document. */
export function locateQuote(doc: Y.Doc, quote: Quote): QuotePlace | undefined {
  const range = read(quote)
  if (!range) return undefined
  const root = doc.get(range.field)
  const known = root instanceof Y.Text || root instanceof Y.XmlFragment // Yjs has not been told its type yet: nothing of it has been read here
  if (!known || !arrived(doc, range.from) || !arrived(doc, range.to)) return { state: 'pending' }
  const start = Y.createAbsolutePositionFromRelativePosition(range.from, doc)
  const end = Y.createAbsolutePositionFromRelativePosition(range.to, doc)
  const now = start && end ? textBetween(root, start, end) : undefined
  if (!start || !end || now === undefined || now.trim() === '') return moved(root, quote.text ?? '') ?? { state: 'gone' }
  return { state: cut(now) === quote.text ? 'live' : 'changed', start, end }
}

function read(quote: Quote): { field: string; from: Y.RelativePosition; to: Y.RelativePosition } | undefined {
  const { field, start, end } = quote
  if (typeof field !== 'string' || typeof start !== 'string') return undefined
  try {
    const from = Y.decodeRelativePosition(bytes(start))
    return { field, from, to: typeof end === 'string' ? Y.decodeRelativePosition(bytes(end)) : from }
  } catch {
    return undefined // anybody may write a quote
  }
}

/** True if the document has the item that the position names. */
function arrived(doc: Y.Doc, p: Y.RelativePosition): boolean {
  return [p.item, p.type].every((id) => !id || Y.getState(doc.store, id.client) > id.clock)
}

/** Splitting or joining paragraphs inserts their text anew. If the quoted text occurs in one place only, that is the quote. */
function moved(root: SharedType, text: string): QuotePlace | undefined {
  if (text.length < telling || text.length >= maxText || text.includes('\n')) return undefined
  let found: DocPoint | undefined
  for (const type of texts(root)) {
    const words = slice(type, 0, type.length)
    const index = words.indexOf(text)
    if (index < 0) continue
    if (found || words.includes(text, index + 1)) return undefined
    found = { type, index }
  }
  return found && { state: 'live', start: found, end: { type: found.type, index: found.index + text.length } }
}

/** The text between two points in the order of the document, a newline between blocks. Undefined if a point is not in it. */
function textBetween(root: SharedType, start: DocPoint, end: DocPoint): string | undefined {
  const found: string[] = []
  let began = false
  let ended = false
  const visit = (type: SharedType): void => {
    if (ended) return
    if (type instanceof Y.Text) { // XmlText is one
      const from = type === start.type ? start.index : 0
      began ||= type === start.type
      if (began) found.push(slice(type, from, type === end.type ? end.index : type.length))
    } else if (type instanceof Y.XmlFragment) { // XmlElement is one
      type.toArray().forEach((child, i) => {
        began ||= type === start.type && i >= start.index
        ended ||= type === end.type && i >= end.index
        visit(child)
      })
      began ||= type === start.type
    }
    ended ||= type === end.type
  }
  visit(root)
  return began && ended ? found.filter((s) => s !== '').join('\n') : undefined
}

function texts(type: SharedType): Y.Text[] {
  if (type instanceof Y.Text) return [type]
  return type instanceof Y.XmlFragment ? type.toArray().flatMap((child) => texts(child)) : []
}

function slice(text: Y.Text, from: number, to: number): string {
  let at = 0
  let out = ''
  for (const { insert } of text.toDelta() as { insert: unknown }[]) {
    const run = typeof insert === 'string' ? insert : '\ufffc' // an embed counts one, as in Yjs
    out += run.slice(Math.max(from - at, 0), Math.max(to - at, 0))
    at += run.length
  }
  return out
}

const cut = (text: string): string => text.slice(0, maxText)

function base64(b: Uint8Array): string {
  let s = ''
  for (const byte of b) s += String.fromCharCode(byte)
  return btoa(s)
}

function bytes(s: string): Uint8Array {
  return Uint8Array.from(atob(s), (c) => c.charCodeAt(0))
}
