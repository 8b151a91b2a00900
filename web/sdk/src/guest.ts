import { fields, identity, text } from './events.ts'
import { problem } from './http.ts'
import { Cell, type Readable } from './readable.ts'
import { RoomError } from './errors.ts'
import type { Self } from './types.ts'

const key = 'weft.guest'

interface Stored { readonly token: string; readonly self: Self; readonly server: string }

/**
 * The identity of a guest, in open mode. The server makes it once; it is kept on
 * this device, so that the guest is the same person tomorrow.
 */
export class Guest {
  readonly #server: string
  readonly #name: string | undefined
  readonly #keep: boolean
  readonly #fetch: typeof fetch
  #stored: Stored | undefined
  #making: Promise<Stored> | undefined
  readonly #self = new Cell<Self | undefined>(undefined)
  readonly self: Readable<Self | undefined> = this.#self

  constructor(server: string, name: string | undefined, keep: boolean, fetcher: typeof fetch = (...args) => fetch(...args)) {
    this.#server = server
    this.#name = name
    this.#keep = keep
    this.#fetch = fetcher
    this.#load()
  }

  async token(reason: 'connect' | 'refresh' | 'rejected'): Promise<string> {
    this.#load() // another tab may have made a guest meanwhile
    if (reason === 'rejected') this.#forget()
    return (this.#stored ?? await this.#make(this.#name ?? this.#self.get()?.name)).token
  }

  /** Renames the guest. The name is part of the token, so this gets a new token. */
  async rename(name: string): Promise<void> {
    await this.#making?.catch(() => undefined)
    await this.#make(name, this.#stored?.token)
  }

  #make(name: string | undefined, before?: string): Promise<Stored> {
    return this.#making ??= this.#ask(name, before).finally(() => { this.#making = undefined })
  }

  async #ask(name: string | undefined, before?: string): Promise<Stored> {
    let response: Response
    try {
      response = await this.#fetch(`${this.#server}/api/guests`, {
        method: 'POST', body: JSON.stringify({ name: name ?? '' }),
        headers: { 'Content-Type': 'application/json', ...before === undefined ? {} : { Authorization: `Bearer ${before}` } },
      })
    } catch (cause) {
      throw new RoomError('offline', 'the server cannot be reached', { cause })
    }
    if (response.status === 403) throw new RoomError('auth', 'this server has no guests: pass `auth` to createClient')
    if (!response.ok) throw await problem(response)
    const answer = fields(await response.json())
    const user = identity(answer['user'])
    const token = text(answer['token'])
    if (!user || token === '') throw new RoomError('server', 'the server made a guest without a name or a token')
    const stored = { token, self: { ...user, guest: true }, server: this.#server }
    this.#hold(stored)
    if (this.#keep) {
      try {
        localStorage.setItem(key, JSON.stringify({ user, token, server: this.#server }))
      } catch { /* private mode, or no localStorage: this tab only */ }
    }
    return stored
  }

  #load(): void {
    if (!this.#keep) return
    try {
      const raw = localStorage.getItem(key)
      if (raw === null) return
      const f = fields(JSON.parse(raw) as unknown)
      const user = identity(f['user'])
      const token = text(f['token'])
      if (!user || token === '' || text(f['server']) !== this.#server || token === this.#stored?.token) return
      this.#hold({ token, self: { ...user, guest: true }, server: this.#server })
    } catch { /* as if nothing were there */ }
  }

  #forget(): void {
    this.#stored = undefined
    if (!this.#keep) return
    try {
      localStorage.removeItem(key)
    } catch { /* nothing to forget */ }
  }

  #hold(stored: Stored): void {
    this.#stored = stored
    this.#self.set(stored.self)
  }
}
