import { fields, integer, list, optionalText, text, type Unchecked } from './events.ts'
import type { PresenceEvent, WirePerson, WireUser } from './generated/events.ts'
import { colors, likelySlot } from './palette.ts'
import { Cell } from './readable.ts'
import type { Person, Presence } from './types.ts'

const order = { active: 0, idle: 1, away: 2 } as const

/** The people in a room as the server says. A person is one entry, over all devices. */
export class PresenceState implements Presence {
  readonly me = new Cell<Person | undefined>(undefined)
  readonly others = new Cell<readonly Person[]>([])
  readonly count = new Cell(0)
  #people = new Map<string, Person>()
  #slots = new Map<string, number>() // by user; those who have left are kept, since their messages stay
  #names = new Map<string, string>()
  #self = ''

  joined(user: WireUser, slot: number, people: unknown, count?: unknown): void {
    this.#self = user.id
    this.#people = new Map()
    for (const p of list(people)) this.#add(p)
    const mine = this.#people.get(user.id) ?? {
      ...user, slot, ...colors(slot), state: 'active' as const, devices: 1, since: new Date().toISOString(),
    }
    this.#people.set(user.id, { ...mine, slot, ...colors(slot) })
    this.#slots.set(user.id, slot)
    this.#names.set(user.id, user.name)
    this.#show()
    this.count.set(integer(count, this.#people.size))
  }

  /** Applies a presence event. A join of a person who is known replaces the entry. */
  changed(data: Unchecked<PresenceEvent>): void {
    for (const id of list(data.leaves)) if (id !== this.#self) this.#people.delete(text(id))
    for (const p of list(data.joins)) this.#add(p)
    this.#show()
    this.count.set(integer(data.count, this.#people.size))
  }

  /** The connection is lost: everybody but me is removed. */
  lost(): void {
    const me = this.#people.get(this.#self)
    this.#people = new Map(me ? [[me.id, me]] : [])
    this.#show()
    this.count.set(0)
  }

  slot(user: string): number { return this.#slots.get(user) ?? likelySlot(user) }

  /** The name of a user, also of one who has left. */
  name(user: string): string | undefined { return this.#names.get(user) }

  #add(v: unknown): void {
    const f = fields<WirePerson>(v)
    const id = text(f.id)
    if (id === '') return
    const slot = integer(f.slot)
    const avatar = optionalText(f.avatar)
    const status = f.status
    const next: Person = {
      id, name: text(f.name) || id, ...(avatar === undefined ? {} : { avatar }),
      slot, ...colors(slot),
      state: status === 'idle' || status === 'away' ? status : 'active',
      devices: integer(f.devices), since: text(f.since),
    }
    this.#slots.set(id, slot)
    this.#names.set(id, next.name)
    const known = this.#people.get(id)
    if (!known || !samePerson(known, next)) this.#people.set(id, next)
  }

  #show(): void {
    this.me.set(this.#people.get(this.#self))
    const others = [...this.#people.values()].filter((p) => p.id !== this.#self).sort((a, b) =>
      order[a.state] - order[b.state] || cmp(a.since, b.since) || cmp(a.id, b.id))
    const now = this.others.get()
    if (others.length !== now.length || others.some((p, i) => p !== now[i])) this.others.set(others)
  }
}

function samePerson(a: Person, b: Person): boolean {
  return a.name === b.name && a.avatar === b.avatar && a.slot === b.slot && a.state === b.state && a.devices === b.devices && a.since === b.since
}

function cmp(a: string, b: string): number { return a < b ? -1 : a > b ? 1 : 0 }
