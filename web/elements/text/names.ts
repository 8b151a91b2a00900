import { firstLetters, upperCase } from './format.ts'
import { guestWord } from './en.ts'

/** One or two letters for a face: "Amara Osei" → "AO", "Mika" → "MI", "Guest 2" → "G2", "" → "?". */
export function initials(name: string): string {
  const words = name.trim().split(/\s+/u).filter((w) => w !== '')
  const [first = '?', ...rest] = words
  const last = rest.at(-1)
  return upperCase(last === undefined ? firstLetters(first, 2) : firstLetters(first, 1) + firstLetters(last, 1))
}

/**
 * A short name, as caret labels show it: the first name, and the initial of the
 * second name if one of `others` has the same first name. Guests keep their
 * number, which is all that tells them apart.
 */
export function shortName(name: string, others: readonly string[] = []): string {
  const [first = name, second] = name.trim().split(/\s+/u)
  if (second === undefined) return first
  if (first === guestWord) return `${first} ${second}`
  const isAmbiguous = others.some((o) => o !== name && o.trim().split(/\s+/u)[0] === first)
  return isAmbiguous ? `${first} ${firstLetters(second, 1)}.` : first
}
