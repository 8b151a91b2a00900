import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, it, test, vi } from 'vitest'

vi.hoisted(() => { vi.stubGlobal('navigator', { languages: ['en-US'] }) })

import { chooseLocale } from './locale.ts'
import { ago, chat, dayName, initials, landing, shortName, space } from './index.ts'

test('the locale is the reader’s variant of the pages’ language, else that language', () => {
  expect(chooseLocale(['de-DE', 'en-GB', 'en-US'])).toBe('en-GB')
  expect(chooseLocale(['en'])).toBe('en')
  expect(chooseLocale(['de-DE', 'eno'])).toBe('en')
  expect(chooseLocale([])).toBe('en')
})

describe('names', () => {
  it('are shortened to initials and first names', () => {
    expect([initials('Amara Osei'), initials('Mika'), initials('Guest 2'), initials('')]).toEqual(['AO', 'MI', 'G2', '?'])
    expect(shortName('Ana Ruiz', ['Ana Ruiz', 'Ana Lund'])).toBe('Ana R.')
    expect([shortName('Guest 3'), shortName('Guest fy67')]).toEqual(['Guest 3', 'Guest fy67'])
  })
})

describe('times', () => {
  const now = new Date(2026, 10, 22, 16, 30)
  const minutesBefore = (n: number): Date => new Date(now.getTime() - n * 60_000)
  it('are as coarse as matters, in one language', () => {
    expect([0, 5, 90, 24 * 60, 3 * 24 * 60].map((n) => ago(minutesBefore(n), now).replace('\u202f', ' '))).toEqual(['just now', '5 min ago', '3:00 PM', 'yesterday', 'thursday'])
    expect([0, 1, 3, 30, 365].map((days) => dayName(minutesBefore(days * 24 * 60), now))).toEqual(['Today', 'Yesterday', 'Thursday', 'October 23', 'November 22, 2025'])
  })
})

describe('sentences', () => {
  it('say who types without naming a crowd', () => {
    expect([[], ['Amara'], ['Amara', 'Mika'], ['A', 'B', 'C']].map(chat.typing)).toEqual(['', 'Amara is typing', 'Amara and Mika are typing', 'Several people are typing'])
  })
  it('use the singular for one', () => {
    expect([chat.replies(1), chat.replies(2), space.peopleHere(1), space.peopleHere(3)]).toEqual(['1 reply', '2 replies', '1 person here', '3 people here'])
  })
})

test('the pages’ static descriptions begin with the lead of the landing page', () => {
  const lead = landing.lead.slice(0, landing.lead.indexOf('.') + 1)
  for (const page of ['index.html', 'space.html']) {
    const html = readFileSync(new URL(`../../app/static/${page}`, import.meta.url), 'utf8')
    expect(html).toContain(`<meta name="description" content="${lead}">`)
    expect(html).toContain(`<title>${space.product}</title>`)
  }
})

/** Literals that look like words for readers and are none. */
const allowed = new Set([
  'Alt', 'ArrowDown', 'ArrowLeft', 'ArrowRight', 'ArrowUp', 'Backspace', 'Delete', 'End', 'Enter', 'Escape', 'Home', 'KeyM', 'Shift', 'Tab', // keys
  'Authorization', 'Bearer', 'Content-Type', // headers
  'noopener noreferrer nofollow', // values of rel
])

const attribute = /(?:aria-label|aria-description|aria-placeholder|aria-roledescription|alt|label|placeholder|title)="([^"]*)"/gu
const betweenTags = />([^<>{}`$]*)<\//gu
const literal = /'((?:[^'\\\n]|\\.)*)'|"([^"\n]*)"|`([^`]*)`/gu

/**
 * Finds texts for readers in the source of an element: attributes that are read
 * aloud or shown, text in templates, and literals that begin like a sentence or
 * a label. Errors and warnings for developers are not for readers.
 */
function textsIn(source: string): string[] {
  const code = source.replace(/\/\*[^]*?\*\//gu, '').replace(/\bclass="[^"]*"|&\w+;/gu, '').split('\n')
    .map((line) => line.replace(/(^|\s)\/\/ .*$/u, ''))
    .filter((line) => !/^import |^export .* from |throw new Error|console\./u.test(line)).join('\n')
  const found: string[] = []
  for (const [, value = ''] of code.matchAll(attribute)) found.push(value)
  for (const [, value = ''] of code.matchAll(betweenTags)) found.push(value)
  for (const [, single, double, template] of code.matchAll(literal)) {
    const value = (single ?? double ?? template ?? '').trim()
    if (/^\p{Lu}\p{Ll}+(?![-\p{L}]*-)/u.test(value) && !value.includes('\n')) found.push(value)
    else if (/^\p{Ll}+( \p{Ll}+){2,}[.…!?]?$/u.test(value)) found.push(value)
  }
  return found.map((s) => s.replace(/\$\{[^}]*\}/gu, '').trim()).filter((s) => /\p{L}{2}/u.test(s) && !allowed.has(s))
}

describe('no text stands outside this folder', () => {
  it('and the search for it finds texts', () => {
    const source = [
      'html`<button aria-label="Close" title=${text.close}>Go there</button>`',
      "this.label = 'Page'",
      "const line = `Saved by ${name}`",
      "const hint = 'write something to begin'",
      "if (e.key === 'Escape') throw new Error('Never seen') // A comment",
      "html`<i class=\"row mine\">${name}</i>`",
    ].join('\n')
    expect(textsIn(source)).toEqual(['Close', 'Go there', 'Page', 'Saved by', 'write something to begin'])
  })

  const root = new URL('../../', import.meta.url)
  const sources = ['elements', 'app', 'sw'].flatMap((folder) => readdirSync(new URL(folder, root), { recursive: true, encoding: 'utf8' })
    .map((file) => `${folder}/${file}`))
    .filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts') && !file.startsWith('elements/text/') && !file.includes('node_modules'))
  it.each(sources)('%s', (file) => { expect(textsIn(readFileSync(new URL(file, root), 'utf8'))).toEqual([]) })
})
