/** The language of the strings in en.ts. */
const language = 'en'

/**
 * Returns the locale for lists, dates and numbers: the first of the reader's
 * languages that is a variant of the pages' language, else that language itself.
 * A British reader gets 16:05 and an American one 4:05 PM. A German reader gets
 * English dates, because half-German sentences would be worse.
 */
export function chooseLocale(readerLanguages: readonly string[]): string {
  return readerLanguages.find((l) => l === language || l.startsWith(`${language}-`)) ?? language
}

/** The one locale of the pages. */
export const locale: string = /* @__PURE__ */ chooseLocale(globalThis.navigator?.languages ?? [])
