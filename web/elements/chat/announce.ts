import type { Message } from '@weft/sdk'
import { chat as text, shortName } from '../text/index.ts'

/** The least time between two announcements. Messages that arrive meanwhile are announced together. */
const pauseMs = 3000
/** After this time the live region is emptied: a screen reader reads the same text again only if it was gone. */
const clearMs = 2500

/** What the announcer must know besides the messages. */
export interface ReaderState {
  /** The first page of messages has arrived. */
  readonly isLoaded: boolean
  /** The reader is writing a message. */
  readonly isWriting: boolean
}

/**
 * Announces the messages of others to screen readers: never the history, and a
 * burst of messages as one sentence. While the reader is writing, only mentions
 * of the reader are announced.
 */
export class Announcer {
  readonly #say: (words: string) => void
  #announcedSeq: number | null = null // messages with a higher seq are new; null before the first page
  #pending: Message[] = []
  #pause: ReturnType<typeof setTimeout> | undefined
  #clear: ReturnType<typeof setTimeout> | undefined

  /** `say` puts words into the live region; an empty string empties it. */
  constructor(say: (words: string) => void) { this.#say = say }

  /** Takes all messages that are loaded, after each change. */
  update(messages: readonly Message[], { isLoaded, isWriting }: ReaderState): void {
    const newest = messages.reduce((n, m) => Math.max(n, m.seq ?? 0), 0)
    const before = this.#announcedSeq
    if (isLoaded) this.#announcedSeq = Math.max(before ?? 0, newest)
    if (before === null) return
    const fresh = messages.filter((m) => (m.seq ?? 0) > before && !m.mine && !m.deleted && (!isWriting || m.mentionsMe))
    if (fresh.length === 0) return
    this.#pending.push(...fresh)
    if (this.#pause === undefined) this.#announce()
  }

  /** Forgets everything; the next update counts as the first. */
  stop(): void {
    clearTimeout(this.#pause)
    clearTimeout(this.#clear)
    this.#pause = this.#clear = undefined
    this.#pending = []
    this.#announcedSeq = null
  }

  #announce(): void {
    const messages = this.#pending.splice(0)
    if (messages.length > 0) {
      this.#say(sentence(messages))
      clearTimeout(this.#clear)
      this.#clear = setTimeout(() => this.#say(''), clearMs)
    }
    this.#pause = messages.length > 0 ? setTimeout(() => this.#announce(), pauseMs) : undefined
  }
}

/** "Mika: can you take the pump?", "3 new messages from Mika and Jonas". */
export function sentence(messages: readonly Message[]): string {
  const [first] = messages
  if (messages.length === 1 && first) return text.announceOne(first.user.name, first.mentionsMe, first.text.slice(0, 200))
  const names = [...new Set(messages.map((m) => shortName(m.user.name)))]
  return text.announceMany(messages.length, names.slice(0, 3), messages.some((m) => m.mentionsMe))
}
