import { afterEach, beforeEach, describe, expect, it, test, vi } from 'vitest'

vi.hoisted(() => { vi.stubGlobal('navigator', { languages: ['en-US'] }) })

import type { Line, Message } from '@weft/sdk'
import { Announcer } from './announce.ts'
import { happenings, isEmoji, layOut } from './log.ts'
import { complete, mentionText, queryAt, suggest } from './mention.ts'
import { cutAtMarks } from './search.ts'
import { chat as text } from '../text/index.ts'

const message = (id: string, user: string, minute: number, more: Partial<Message> = {}): Message => ({
  id, rev: 1, room: 'r', user: { id: user, name: user, slot: 0 }, text: id, parts: [{ type: 'text', text: id }], mentions: [], reactions: [], deleted: false, state: 'sent', mine: false, mentionsMe: false,
  createdAt: new Date(2026, 10, 22, 16, minute).toISOString(), ...more,
})

describe('rows', () => {
  it('put one person’s messages within five minutes under one header', () => {
    const list = layOut([message('a', 'mika', 0), message('b', 'mika', 4), message('c', 'nia', 5), message('d', 'mika', 6), message('e', 'mika', 12)]).rows
    expect(list.map((r) => r.continues)).toEqual([false, true, false, false, false])
    expect(list.map((r) => r.opensDay)).toEqual([true, false, false, false, false])
  })

  it('give a mention of the reader, and the first unread message, a header of its own', () => {
    const list = layOut([message('a', 'mika', 0), message('b', 'mika', 1, { mentionsMe: true }), message('c', 'mika', 2), message('d', 'mika', 3)], { newFrom: 'd' }).rows
    expect(list.map((r) => r.continues)).toEqual([false, false, false, false])
    expect(list[3]?.opensNew).toBe(true)
  })
})

describe('system lines', () => {
  const line = (n: number, kind: string, user: string, after: number, more: Partial<Line> = {}): Line => ({ n, kind, user: { id: user, name: user }, after, at: '', ...more })
  const messages = [message('a', 'mika', 0, { seq: 5 }), message('b', 'mika', 1, { seq: 6 }), message('c', 'mika', 1, { seq: 9 }), message('d', 'mika', 2)]

  it('stand after the message they follow, and end a group', () => {
    const lines = [line(1, 'joined', 'x', 0), line(2, 'joined', 'nia', 5), line(3, 'joined', 'jo', 7), line(4, 'joined', 'al', 9)]
    const { rows, rest } = layOut(messages, { lines, whole: false })
    expect(rows.map((r) => r.lines.map((l) => l.n))).toEqual([[], [2], [3], [4]])
    expect(rows.map((r) => r.continues)).toEqual([false, false, false, false])
    expect(rest).toEqual([])
    expect(layOut(messages, { lines }).rows[0]?.lines.map((l) => l.n)).toEqual([1])
    expect(layOut(messages.slice(0, 1), { lines }).rest.map((l) => l.n)).toEqual([2, 3, 4])
    expect(layOut([], { lines }).rest).toHaveLength(4)
  })

  it('are merged into few sentences, without those about the reader', () => {
    const lines = [line(1, 'joined', 'nia', 0), line(2, 'renamed', 'nia', 0, { user: { id: 'nia', name: 'Nia' }, before: 'nia' }), line(3, 'joined', 'me', 0), line(4, 'joined', 'jo', 0),
      line(5, 'renamed', 'al', 0, { user: { id: 'al', name: 'Al' }, before: 'Guest 1' }), line(6, 'renamed', 'al', 0, { user: { id: 'al', name: 'Alan' }, before: 'Al' }), line(7, 'restored', 'al', 0)]
    expect(happenings(lines, 'me')).toEqual([{ kind: 'joined', names: ['Nia', 'jo'] }, { kind: 'renamed', before: 'Guest 1', name: 'Alan' }])
    expect([text.joined(['A']), text.joined(['A', 'B', 'C']), text.joined(['A', 'B', 'C', 'D', 'E'])]).toEqual(['A joined', 'A, B, and C joined', 'A, B, and 3 others joined'])
  })
})

test('messages of emoji alone are told from digits and words', () => {
  expect(['🎉 👍🏽', '🏳️‍🌈', '🇩🇪', '1️⃣', '🤯🤯🤯'].every(isEmoji)).toBe(true)
  expect(['42', '🎉 a', '🤯🤯🤯🤯', '', ' ', '🎉'.repeat(5000)].some(isEmoji)).toBe(false)
})

test('a snippet is cut at its marks, and marks that overlap or leave the text are ignored', () => {
  const cut = (text: string, marks: [number, number][]): string => cutAtMarks({ text, marks }).map((s) => s.mark ? `[${s.text}]` : s.text).join('')
  expect(cut('red cell burst', [[0, 3], [9, 5]])).toBe('[red] cell [burst]')
  expect(cut('red cell', [[4, 4], [0, 3], [6, 9], [-1, 2], [4, 0]])).toBe('red [cell]')
  expect(cut('red', [])).toBe('red')
})

describe('announcements to a screen reader', () => {
  const of = (seq: number, user: string, more: Partial<Message> = {}): Message => message(`m${seq}`, user, seq, { seq, ...more })
  beforeEach(() => { vi.useFakeTimers() })
  afterEach(() => { vi.useRealTimers() })

  test('leave out the history, and merge a burst into one sentence', () => {
    const said: string[] = []
    const announcer = new Announcer((words) => { if (words !== '') said.push(words) })
    const all = [of(1, 'Mika')]
    announcer.update(all, { isLoaded: false, isWriting: false })
    announcer.update(all, { isLoaded: true, isWriting: false })
    all.push(of(2, 'Mika'))
    announcer.update(all, { isLoaded: true, isWriting: false })
    all.push(of(3, 'Jonas'), of(4, 'Mika'), of(5, 'Ana', { mine: true }))
    announcer.update(all, { isLoaded: true, isWriting: false })
    announcer.update(all, { isLoaded: true, isWriting: false })
    expect(said).toEqual(['Mika: m2'])
    vi.advanceTimersByTime(3000)
    expect(said.slice(1)).toEqual(['2 new messages from Jonas and Mika'])
    vi.advanceTimersByTime(60_000)
    expect(said).toHaveLength(2)
    announcer.stop()
  })

  test('are of mentions only while the reader is writing', () => {
    const said: string[] = []
    const announcer = new Announcer((words) => { if (words !== '') said.push(words) })
    announcer.update([], { isLoaded: true, isWriting: true })
    announcer.update([of(1, 'Mika'), of(2, 'Mika', { mentionsMe: true })], { isLoaded: true, isWriting: true })
    expect(said).toEqual(['Mika mentions you: m2'])
    announcer.stop()
  })
})

describe('mentions', () => {
  const people = [{ id: '1', name: 'Mika' }, { id: '2', name: 'Zoë Ángel' }, { id: '3', name: 'Mika' }]
  it('begin at the start of a word only', () => {
    expect(queryAt('hi @mi', 6)).toEqual({ from: 3, text: 'mi' })
    expect(queryAt('mail@mi', 7)).toBeNull()
  })
  it('are suggested by any word of a name, whatever its accents', () => {
    expect(suggest(people, 'ang').map((p) => p.id)).toEqual(['2'])
    expect(suggest(people, 'zoe').map((p) => p.id)).toEqual(['2'])
  })
  it('use the id where several people have the name', () => {
    expect(mentionText(people[0]!, people)).toBe('1')
    expect(complete('hi @zo there', { from: 3, text: 'zo' }, 6, mentionText(people[1]!, people))).toEqual({ text: 'hi @Zoë Ángel there', caret: 14 })
  })
})
