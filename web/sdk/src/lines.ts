import { fields, identity, integer, list, optionalText, text } from './events.ts'
import type { SystemMessageEvent } from './generated/events.ts'
import type { Api } from './http.ts'
import { Cell } from './readable.ts'
import type { Line, Log } from './types.ts'

/** The system messages of a room, which the API calls lines. They are read once the list has a subscriber, and again after every join. */
export class Lines {
  readonly lines: Cell<readonly Line[]>
  #most = Infinity
  #watched = false
  #online = false
  #stale = true
  readonly #path: string
  readonly #api: Pick<Api, 'get'>
  readonly #log: Log

  constructor(room: string, api: Pick<Api, 'get'>, log: Log) {
    this.#path = `/api/rooms/${encodeURIComponent(room)}/lines`
    this.#api = api
    this.#log = log
    this.lines = new Cell<readonly Line[]>([], (on) => {
      this.#watched = on
      void this.#read()
    })
  }

  /** The server keeps the newest `most`, and so does this list. */
  joined(most: number): void {
    this.#most = most
    this.#online = true
    this.#stale = true
    void this.#read()
  }

  lost(): void { this.#online = false }

  received(v: unknown): void { this.#take([v]) }

  async #read(): Promise<void> {
    if (!this.#watched || !this.#online || !this.#stale) return
    this.#stale = false
    try {
      this.#take(list(fields(await this.#api.get(this.#path))['lines']))
    } catch (err) {
      this.#log('info', 'system messages could not be read', err) // new ones still come as events
    }
  }

  #take(values: readonly unknown[]): void {
    const all = new Map(this.lines.get().map((l) => [l.n, l]))
    const before = all.size
    for (const v of values) {
      const f = fields<SystemMessageEvent>(v)
      const user = identity(f.user)
      const was = optionalText(f.before)
      const n = integer(f.n)
      if (user && n > 0 && !all.has(n)) all.set(n, { n, kind: text(f.kind), user, after: integer(f.after), at: text(f.at), ...(was === undefined ? {} : { before: was }) })
    }
    if (all.size > before) this.lines.set([...all.values()].sort((a, b) => a.n - b.n).slice(-this.#most))
  }
}
