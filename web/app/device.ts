/** What this browser stores for its reader: their name, and the spaces they opened. If storage is forbidden or full, nothing is stored. */

/** A space that was opened; `at` is in milliseconds since 1970. */
export interface RecentSpace { readonly room: string; readonly title: string; readonly at: number }

const nameKey = 'weft.name'
const recentKey = 'weft.recent'
const titleKey = (room: string): string => `weft.new:${room}`
const maxRecent = 6

/** The reader's name; empty if none is stored. */
export const storedName = (): string => read(localStorage, nameKey) ?? ''

export function storeName(name: string): void {
  write(localStorage, nameKey, name)
}

/** The spaces that were opened last, the newest first. */
export function recentSpaces(): RecentSpace[] {
  try {
    const list: unknown = JSON.parse(read(localStorage, recentKey) ?? '[]')
    return Array.isArray(list) ? list.filter(isRecentSpace) : []
  } catch {
    return []
  }
}

/** Puts a space at the front of the recent ones. */
export function storeRecent(room: string, title: string): void {
  const rest = recentSpaces().filter((r) => r.room !== room)
  write(localStorage, recentKey, JSON.stringify([{ room, title, at: Date.now() }, ...rest].slice(0, maxRecent)))
}

/** Stores the title of a new space for the page that opens next in this tab. */
export function passTitle(room: string, title: string): void {
  write(sessionStorage, titleKey(room), title)
}

/** Returns and removes the title from passTitle; null if this tab did not start the space. */
export function takeTitle(room: string): string | null {
  const title = read(sessionStorage, titleKey(room))
  try {
    sessionStorage.removeItem(titleKey(room))
  } catch { /* storage is forbidden, so there was no title either */ }
  return title
}

function isRecentSpace(v: unknown): v is RecentSpace {
  if (typeof v !== 'object' || v === null) return false
  const r = v as Partial<RecentSpace>
  return typeof r.room === 'string' && typeof r.title === 'string' && typeof r.at === 'number'
}

function read(from: Storage, key: string): string | null {
  try {
    return from.getItem(key)
  } catch {
    return null // storage is forbidden
  }
}

function write(to: Storage, key: string, value: string): void {
  try {
    to.setItem(key, value)
  } catch { /* storage is full or forbidden; what is stored here is only a convenience */ }
}
