import type { Message } from '@weft/sdk'
import { chat as text, shortName } from '../text/index.ts'

/** After one announcement the next waits this long, and tells of everything meanwhile. */
const restMs = 3000
/** Then the region is emptied: the same words again are news again. */
const clearMs = 2500

/**
 * What a screen reader says of the chat: what others write, never history, and
 * bursts as one sentence. Whoever is writing hears only of mentions.
 */
export class Announcer {
  readonly #say: (words: string) => void
  #after: number | null = null // what has a higher seq is news
  #waiting: Message[] = []
  #rest: ReturnType<typeof setTimeout> | undefined
  #clear: ReturnType<typeof setTimeout> | undefined

  constructor(say: (words: string) => void) { this.#say = say }

  /** The messages as they are; `opened` once the first page is there. */
  hear(messages: readonly Message[], opened: boolean, writing: boolean): void {
    const last = messages.reduce((n, m) => Math.max(n, m.seq ?? 0), 0)
    const after = this.#after
    if (opened) this.#after = Math.max(after ?? 0, last)
    if (after === null) return
    const fresh = messages.filter((m) => (m.seq ?? 0) > after && !m.mine && !m.deleted && (!writing || m.mentionsMe))
    if (fresh.length === 0) return
    this.#waiting.push(...fresh)
    if (this.#rest === undefined) this.#speak()
  }

  stop(): void {
    clearTimeout(this.#rest)
    clearTimeout(this.#clear)
    this.#rest = this.#clear = undefined
    this.#waiting = []
    this.#after = null
  }

  #speak(): void {
    const news = this.#waiting.splice(0)
    if (news.length > 0) {
      this.#say(sentence(news))
      clearTimeout(this.#clear)
      this.#clear = setTimeout(() => this.#say(''), clearMs)
    }
    this.#rest = news.length > 0 ? setTimeout(() => this.#speak(), restMs) : undefined
  }
}

/** "Mika: can you take the pump?", "3 new messages from Mika and Jonas". */
export function sentence(news: readonly Message[]): string {
  const [first] = news
  if (news.length === 1 && first) return text.announceOne(first.user.name, first.mentionsMe, first.text.slice(0, 200))
  const names = [...new Set(news.map((m) => shortName(m.user.name)))]
  return text.announceMany(news.length, names.slice(0, 3), news.some((m) => m.mentionsMe))
}
