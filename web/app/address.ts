/** How spaces are named in addresses. Pure but for the dice. */
import { space, upperCase } from '../elements/text/index.ts'

const letters = 'abcdefghijkmnpqrstuvwxyz' // without l and o, which read as 1 and 0

/** Letters in three groups, as one would read them out: `kfa-wemu-xra`. */
export function randomCode(dice: (n: number) => number = roll): string {
  return [3, 4, 3].map((n) => Array.from({ length: n }, () => letters[dice(letters.length)] ?? 'a').join('')).join('-')
}

/** "Bio 201, week 6" → `bio-201-week-6`; a random code if nothing of the name is left. */
export function roomFor(name: string): string {
  const slug = name.normalize('NFKD').replace(/\p{M}/gu, '').toLowerCase().replace(/[^a-z0-9]+/gu, '-').replace(/^-+|-+$/gu, '').slice(0, 60)
  return slug.length >= 2 ? slug : randomCode()
}

/** The room that a pasted link or code means; null if it is neither. `origin` is ours. */
export function roomFromPaste(text: string, origin: string): string | null {
  const pasted = text.trim()
  if (pasted === '') return null
  if (/^(https?:)?\/\//u.test(pasted) || pasted.includes('/s/')) {
    try {
      const url = new URL(pasted, origin)
      return url.origin === origin ? roomOf(url.pathname) : null
    } catch {
      return null
    }
  }
  return /^[\p{L}\p{N} ._~-]{1,80}$/u.test(pasted) ? roomFor(pasted) : null
}

/** The room of a path like `/s/bio-201`, or null. */
export function roomOf(path: string): string | null {
  if (!path.startsWith('/s/')) return null
  try {
    return decodeURIComponent(path.slice(3)).replace(/\/+$/u, '') || null
  } catch {
    return null
  }
}

export const pathOf = (room: string): string => `/s/${room.split('/').map(encodeURIComponent).join('/')}`

/** What to call a space that has no title: `bio-201` → "Bio 201", a code has nothing to say. */
export function pretty(room: string): string {
  if (/^[a-z]{3}-[a-z]{4}-[a-z]{3}$/u.test(room)) return space.untitled
  const words = room.replace(/[-_/]+/gu, ' ').trim()
  return upperCase(words.charAt(0)) + words.slice(1)
}

function roll(n: number): number {
  const [value = 0] = crypto.getRandomValues(new Uint32Array(1))
  return value % n
}
