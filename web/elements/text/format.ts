/** Lists, dates and letters in the pages' locale. Nothing here contains words. */
import { locale } from './locale.ts'

/** "A", "A and B", "A, B, and C"; with `unit` "A, B, C". */
export const list = (items: readonly string[], type: 'conjunction' | 'unit' = 'conjunction'): string =>
  new Intl.ListFormat(locale, { type }).format(items)

/** "4:05 PM". */
export const clockTime = (at: Date): string => at.toLocaleTimeString(locale, { hour: 'numeric', minute: '2-digit' })

/** The full date and time, as tooltips show it. */
export const dateTime = (at: Date): string => at.toLocaleString(locale)

/** "Monday". */
export const weekday = (day: Date): string => day.toLocaleDateString(locale, { weekday: 'long' })

/** "November 22", with the year if that is not the year of `now`. */
export const date = (day: Date, now: Date): string =>
  day.toLocaleDateString(locale, { day: 'numeric', month: 'long', year: day.getFullYear() === now.getFullYear() ? undefined : 'numeric' })

export const upperCase = (s: string): string => s.toLocaleUpperCase(locale)
export const lowerCase = (s: string): string => s.toLocaleLowerCase(locale)

const segmenter = /* @__PURE__ */ new Intl.Segmenter(locale, { granularity: 'grapheme' })

/** The first `count` letters as a reader sees them: grapheme clusters, not UTF-16 code units. */
export function firstLetters(word: string, count: number): string {
  let letters = ''
  for (const { segment } of segmenter.segment(word)) {
    if (count-- <= 0) break
    letters += segment
  }
  return letters
}
