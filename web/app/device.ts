/** What this device remembers for its person: a name, and the spaces they opened. */

export interface Recent { readonly room: string; readonly title: string; readonly at: number }

const nameKey = 'weft.name'
const recentKey = 'weft.recent'
const titleKey = (room: string): string => `weft.new:${room}`
const kept = 6

export const storedName = (): string => read(localStorage, nameKey) ?? ''

export function storeName(name: string): void {
  write(localStorage, nameKey, name)
}

/** Newest first. */
export function recentSpaces(): Recent[] {
  try {
    const list: unknown = JSON.parse(read(localStorage, recentKey) ?? '[]')
    return Array.isArray(list) ? list.filter(isRecent) : []
  } catch {
    return []
  }
}

export function remember(room: string, title: string): void {
  const rest = recentSpaces().filter((r) => r.room !== room)
  write(localStorage, recentKey, JSON.stringify([{ room, title, at: Date.now() }, ...rest].slice(0, kept)))
}

/** The title a new space was started with, for the page that opens next in this tab. */
export function passTitle(room: string, title: string): void {
  write(sessionStorage, titleKey(room), title)
}

/** Null if this tab did not start the space. */
export function takeTitle(room: string): string | null {
  const title = read(sessionStorage, titleKey(room))
  try {
    sessionStorage.removeItem(titleKey(room))
  } catch { /* storage is off: then nothing was there */ }
  return title
}

function isRecent(v: unknown): v is Recent {
  if (typeof v !== 'object' || v === null) return false
  const r = v as Partial<Recent>
  return typeof r.room === 'string' && typeof r.title === 'string' && typeof r.at === 'number'
}

function read(from: Storage, key: string): string | null {
  try {
    return from.getItem(key)
  } catch {
    return null // a browser may forbid storage; then nothing is remembered
  }
}

function write(to: Storage, key: string, value: string): void {
  try {
    to.setItem(key, value)
  } catch { /* full or forbidden: remembering is a convenience */ }
}
