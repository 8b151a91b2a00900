import { fields, integer, optionalText, type SendEvent, type Unchecked } from './events.ts'
import type { StatusEvent, WireUserStatus } from './generated/events.ts'
import { Cell, type Readable } from './readable.ts'
import type { Log, PersonStatus } from './types.ts'

const states: readonly PersonStatus['status'][] = ['online', 'idle', 'away', 'offline']

interface View { readonly ids: readonly string[]; readonly cell: Cell<ReadonlyMap<string, PersonStatus>> }

/** The status of people over all rooms. A person is watched while a view of them has a subscriber. */
export class Watching {
  readonly #send: SendEvent
  readonly #log: Log
  readonly #views = new Set<View>()
  #asked = new Set<string>()
  #known = new Map<string, PersonStatus>()
  #most = 0 // how many people a connection may watch; 0 before the first connection
  #scheduled = false // a microtask will send watch and unwatch

  constructor(send: SendEvent, log: Log) {
    this.#send = send
    this.#log = log
  }

  watch(ids: readonly string[]): Readable<ReadonlyMap<string, PersonStatus>> {
    const view: View = {
      ids: [...new Set(ids)],
      cell: new Cell<ReadonlyMap<string, PersonStatus>>(new Map(), (on) => {
        if (on) this.#views.add(view)
        else this.#views.delete(view)
        this.#show([view])
        this.#soon()
      }),
    }
    return view.cell
  }

  /** A new connection is up. It watches nobody yet and may watch `most` people. */
  up(most: number): void {
    this.#most = most
    this.#asked = new Set()
    this.#ask()
  }

  /** The connection is lost: no status is known any more. */
  down(): void {
    this.#known = new Map()
    this.#show([...this.#views])
  }

  received(data: Unchecked<StatusEvent>): void {
    for (const [id, v] of Object.entries(fields(data.users))) {
      const f = fields<WireUserStatus>(v)
      const status = states.find((s) => s === f.status)
      const lastSeen = optionalText(f.lastSeen)
      if (status) this.#known.set(id, { status, devices: integer(f.devices), ...(lastSeen === undefined ? {} : { lastSeen }) })
    }
    this.#show([...this.#views])
  }

  /** Sends the changes in a microtask: if one view is replaced by another, people in both are not unwatched in between. */
  #soon(): void {
    if (this.#scheduled) return
    this.#scheduled = true
    queueMicrotask(() => {
      this.#scheduled = false
      this.#ask()
    })
  }

  #ask(): void {
    const all = [...new Set([...this.#views].flatMap((v) => v.ids))]
    if (this.#most === 0) return // up() calls this again
    if (all.length > this.#most) this.#log('warn', `${all.length} people are watched; the server tells of ${this.#most}`)
    const wanted = new Set(all.slice(0, this.#most))
    const gone = [...this.#asked].filter((id) => !wanted.has(id))
    const fresh = [...wanted].filter((id) => !this.#asked.has(id))
    this.#asked = wanted
    for (const id of gone) this.#known.delete(id)
    if (gone.length > 0) this.#send('unwatch', { users: gone })
    if (fresh.length > 0) this.#send('watch', { users: fresh })
  }

  #show(views: readonly View[]): void {
    for (const { ids, cell } of views) {
      const next = new Map(ids.flatMap((id) => {
        const known = this.#known.get(id)
        return known ? [[id, known] as const] : []
      }))
      const now = cell.get()
      if (next.size !== now.size || [...next].some(([id, s]) => now.get(id) !== s)) cell.set(next)
    }
  }
}

