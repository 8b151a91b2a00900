import type { Clock } from './clock.ts'
import { fields } from './events.ts'
import { RoomError } from './errors.ts'
import type { AuthContext, AuthToken } from './types.ts'

/** A token is renewed after this part of its lifetime. */
const renewAt = 0.8

type Ask = (context: AuthContext) => AuthToken | Promise<AuthToken>

/** Keeps one token and asks for the next before it expires. Concurrent callers share one request. */
export class Credentials {
  readonly #ask: Ask
  readonly #clock: Clock
  #token: string | undefined
  #asking: Promise<string> | undefined
  #cancel: (() => void) | undefined
  #stopped = false
  /** Called with a token that was renewed in time. */
  onRenewed: (token: string) => void = () => {}

  constructor(ask: Ask, clock: Clock) {
    this.#ask = ask
    this.#clock = clock
  }

  token(reason: AuthContext['reason']): Promise<string> {
    if (reason === 'connect' && this.#token !== undefined) return Promise.resolve(this.#token)
    return this.#asking ??= this.#fresh(reason).finally(() => { this.#asking = undefined })
  }

  /** Drops the token: the next caller gets a new one. */
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
    if (wait > 0x7fff_ffff) return // longer than a timer can wait; that is weeks
    this.#cancel = this.#clock.after(wait, () => {
      this.token('refresh').then(this.onRenewed, () => {
        this.#plan(expires) // the old token is valid still: ask again after 80 % of the time that is left
      })
    })
  }
}

/** `exp` of a JWT in milliseconds, to plan the renewal. Only the server checks the token. */
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
