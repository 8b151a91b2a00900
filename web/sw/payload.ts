// What a push says (the one JSON of design/ux.md §8.4), and what to show for it.

import { worker as words } from '../elements/text/en.ts'

export interface Shown {
  readonly title: string
  readonly body: string
  readonly tag: string
  readonly lang: string
  readonly dir: 'auto' | 'ltr' | 'rtl'
  readonly silent: boolean
  /** A number for the app's icon; undefined says nothing about it. */
  readonly badge: number | undefined
  readonly data: ShownData
}

export interface ShownData {
  /** On this origin, or '/'. */
  readonly url: string
  readonly room: string
  readonly kind: string
  /** How many this notification stands for. */
  readonly count: number
  /** The last line of each author, newest last, three at most. */
  readonly lines: readonly Line[]
}

interface Line { readonly from: string; readonly text: string }

type Fields = { readonly [key: string]: unknown }

/** Never throws: a push that shows nothing costs the subscription. */
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

/** One notification for what is already shown under the tag and what has come, which may stand for several. */
export function group(shown: readonly unknown[], next: Shown): Shown {
  const earlier = shown.map(readData).filter((d) => d !== undefined)
  const count = earlier.reduce((sum, d) => sum + d.count, next.data.count)
  if (count === 1) return next
  const last = new Map<string, Line>()
  for (const line of [...earlier.flatMap((d) => d.lines), ...next.data.lines]) {
    last.delete(line.from) // the newest goes last
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

/** What we left with a notification; undefined if it is not ours. */
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

/** The address itself if it is one of ours, else the front page. */
export function sameOrigin(url: string, origin: string): string {
  try {
    const u = new URL(url, origin)
    if (u.origin === origin) return u.href
  } catch { /* no address */ }
  return `${origin}/`
}

/** The room that a page shows, by its path /s/{room}; undefined elsewhere. Slashes raw or encoded are alike. */
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
