/** Names of spaces in addresses: a space is a room, at the path /s/{room id}. */
import { space, upperCase } from '../elements/text/index.ts'

const letters = 'abcdefghijkmnpqrstuvwxyz' // without l and o, which look like 1 and 0

/**
 * Makes a random room id of three groups of letters, which is easy to read out:
 * `kfa-wemu-xra`. `random` returns a whole number from 0 to n − 1.
 */
export function randomCode(random: (n: number) => number = cryptoRandom): string {
  return [3, 4, 3].map((n) => Array.from({ length: n }, () => letters[random(letters.length)] ?? 'a').join('')).join('-')
}

/** Makes a room id from the name of a space: "Bio 201, week 6" → `bio-201-week-6`. If fewer than two characters remain, it is a random code. */
export function roomFor(name: string): string {
  const slug = name.normalize('NFKD').replace(/\p{M}/gu, '').toLowerCase().replace(/[^a-z0-9]+/gu, '-').replace(/^-+|-+$/gu, '').slice(0, 60)
  return slug.length >= 2 ? slug : randomCode()
}

/** Returns the room id of a pasted link, code or name; null if the text is none of these. Links must be of `origin`, the page's own. */
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

/** Returns the room id of a path like `/s/bio-201`, or null. */
export function roomOf(path: string): string | null {
  if (!path.startsWith('/s/')) return null
  try {
    return decodeURIComponent(path.slice(3)).replace(/\/+$/u, '') || null
  } catch {
    return null
  }
}

/** The path of a room's page. */
export const pathOf = (room: string): string => `/s/${room.split('/').map(encodeURIComponent).join('/')}`

/** Returns a title for a space that has none: `bio-201` → "Bio 201". A random code is untitled. */
export function titleFromRoom(room: string): string {
  if (/^[a-z]{3}-[a-z]{4}-[a-z]{3}$/u.test(room)) return space.untitled
  const words = room.replace(/[-_/]+/gu, ' ').trim()
  return upperCase(words.charAt(0)) + words.slice(1)
}

function cryptoRandom(n: number): number {
  const [value = 0] = crypto.getRandomValues(new Uint32Array(1))
  return value % n
}
