import type { Clock } from './clock.ts'
import { fields } from './events.ts'
import { RoomError } from './errors.ts'
import type { AuthContext, AuthToken } from './types.ts'

/** A token is replaced when this part of its life is over. */
const renewAt = 0.8

type Ask = (context: AuthContext) => AuthToken | Promise<AuthToken>

/** Keeps one token, asks for the next in time, and asks once however many wait. */
export class Credentials {
  readonly #ask: Ask
  readonly #clock: Clock
  #token: string | undefined
  #asking: Promise<string> | undefined
  #cancel: (() => void) | undefined
  #stopped = false
  /** A fresh token came without anybody asking. */
  onRenewed: (token: string) => void = () => {}

  constructor(ask: Ask, clock: Clock) {
    this.#ask = ask
    this.#clock = clock
  }

  token(reason: AuthContext['reason']): Promise<string> {
    if (reason === 'connect' && this.#token !== undefined) return Promise.resolve(this.#token)
    return this.#asking ??= this.#fresh(reason).finally(() => { this.#asking = undefined })
  }

  /** The next caller gets a new one. */
  forget(): void { this.#token = undefined }

  stop(): void {
    this.#stopped = true
    this.#cancel?.()
  }

  async #fresh(reason: AuthContext['reason']): Promise<string> {
    this.#token = undefined
    const answer = await this.#ask({ reason })
    const token = typeof answer === 'string' ? answer : answer.token
    if (typeof token !== 'string' || token === '') throw new RoomError('auth', '`auth` gave no token')
    this.#token = token
    const expires = typeof answer === 'string' ? undefined : answer.expiresAt
    this.#plan(expires ?? expiry(token))
    return token
  }

  #plan(expires: number | undefined): void {
    this.#cancel?.()
    if (expires === undefined || this.#stopped) return
    const left = expires - this.#clock.now()
    if (left <= 0) return
    const wait = Math.max(left * renewAt, Math.min(1000, left))
    if (wait > 0x7fff_ffff) return // longer than a timer can wait: weeks
    this.#cancel = this.#clock.after(wait, () => {
      this.token('refresh').then(this.onRenewed, () => {
        this.#plan(expires) // the old one is good until it is not: ask again at 80 % of what is left
      })
    })
  }
}

/** `exp` of a JWT in milliseconds. It is only read to plan ahead; the server judges. */
function expiry(token: string): number | undefined {
  const middle = token.split('.')[1]
  if (middle === undefined) return undefined
  try {
    const exp = fields(JSON.parse(atob(middle.replace(/-/g, '+').replace(/_/g, '/'))) as unknown)['exp']
    return typeof exp === 'number' ? exp * 1000 : undefined
  } catch {
    return undefined
  }
}
