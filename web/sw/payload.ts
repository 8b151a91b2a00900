// The payload of a push message: a Declarative Web Push message in JSON, which the
// server's package notify/webpush makes, and the notification that is shown for it.

import { worker as words } from '../elements/text/en.ts'

/** A notification, as the worker shows it. */
export interface Shown {
  readonly title: string
  readonly body: string
  readonly tag: string
  readonly lang: string
  readonly dir: 'auto' | 'ltr' | 'rtl'
  readonly silent: boolean
  /** The number on the app's icon; undefined leaves it as it is. */
  readonly badge: number | undefined
  readonly data: ShownData
}

/** What is stored with a notification. */
export interface ShownData {
  /** The address that a click goes to, on this origin. */
  readonly url: string
  readonly room: string
  readonly kind: string
  /** How many messages the notification stands for. */
  readonly count: number
  /** The last line of each author, the newest last; at most three. */
  readonly lines: readonly Line[]
}

interface Line { readonly from: string; readonly text: string }

type Fields = { readonly [key: string]: unknown }

/**
 * Reads the payload of a push message. Fields that are missing or of a wrong type
 * get defaults, and it never throws: browsers revoke the subscription of a worker
 * that shows nothing for a push.
 */
export function readPayload(raw: string | undefined, origin: string): Shown {
  const p = fields(parse(raw))
  const n = fields(p['notification'])
  const d = fields(n['data'])
  const title = text(n['title'])
  const body = text(n['body'])
  const dir = n['dir']
  const badge = Number(p['app_badge'] ?? n['app_badge'] ?? NaN)
  const count = Number(d['count'] ?? 1)
  return {
    title: title || words.newActivity, body, tag: text(n['tag']) || 'weft', lang: text(n['lang']),
    dir: dir === 'ltr' || dir === 'rtl' ? dir : 'auto', silent: n['silent'] === true,
    badge: Number.isInteger(badge) && badge >= 0 ? badge : undefined,
    data: {
      url: sameOrigin(text(n['navigate']), origin), room: text(d['room']), kind: text(d['kind']), count: Number.isInteger(count) && count > 0 ? count : 1,
      lines: body === '' ? [] : [{ from: title, text: body }],
    },
  }
}

/**
 * Merges a new notification with those that are already shown under its tag.
 * `shown` is their data; data that is not of this worker is ignored.
 */
export function group(shown: readonly unknown[], next: Shown): Shown {
  const earlier = shown.map(readData).filter((d) => d !== undefined)
  const count = earlier.reduce((sum, d) => sum + d.count, next.data.count)
  if (count === 1) return next
  const last = new Map<string, Line>()
  for (const line of [...earlier.flatMap((d) => d.lines), ...next.data.lines]) {
    last.delete(line.from) // a Map keeps the order of insertion, and the newest line goes last
    last.set(line.from, line)
  }
  const lines = [...last.values()].slice(-3)
  return {
    ...next,
    title: words.several(count, next.data.room),
    body: lines.map((l) => words.line(l.from, l.text)).join('\n') || next.body,
    data: { ...next.data, count, lines },
  }
}

/** Reads the data of a notification; undefined if it is not of this worker. */
export function readData(v: unknown): ShownData | undefined {
  const d = fields(v)
  if (typeof d['url'] !== 'string') return undefined
  const lines = Array.isArray(d['lines']) ? (d['lines'] as unknown[]).map(fields) : []
  return {
    url: d['url'], room: text(d['room']), kind: text(d['kind']),
    count: typeof d['count'] === 'number' ? d['count'] : 1,
    lines: lines.map((l) => ({ from: text(l['from']), text: text(l['text']) })),
  }
}

/** Returns the address if it is on this origin, else the address of the landing page. */
export function sameOrigin(url: string, origin: string): string {
  try {
    const u = new URL(url, origin)
    if (u.origin === origin) return u.href
  } catch { /* not an address */ }
  return `${origin}/`
}

/** Returns the room id of a page with the path /s/{room id}, whether its slashes are encoded or not; undefined for other pages. */
export function roomOf(url: string): string | undefined {
  const path = new URL(url).pathname
  if (!path.startsWith('/s/')) return undefined
  try {
    return decodeURIComponent(path.slice(3))
  } catch {
    return undefined
  }
}

function parse(raw: string | undefined): unknown {
  try {
    return JSON.parse(raw ?? '') as unknown
  } catch {
    return undefined
  }
}

function fields(v: unknown): Fields { return typeof v === 'object' && v !== null && !Array.isArray(v) ? v as Fields : {} }
function text(v: unknown): string { return typeof v === 'string' ? v : '' }
