import { fields, optionalText, text } from './events.ts'
import { RoomError, type ErrorCode } from './errors.ts'

/** A source of tokens. `rejected` asks for another token than the last one. */
export interface TokenSource {
  token(reason: 'connect' | 'rejected'): Promise<string>
}

/** The HTTP API. Tokens are sent in the Authorization header, never in a URL. Every method throws a RoomError. */
export class Api {
  readonly base: string
  readonly #tokens: TokenSource
  readonly #fetch: typeof fetch

  constructor(base: string, tokens: TokenSource, fetcher: typeof fetch = (...args) => fetch(...args)) {
    this.base = base
    this.#tokens = tokens
    this.#fetch = fetcher
  }

  get(path: string): Promise<unknown> { return this.#json('GET', path) }
  post(path: string, body?: unknown): Promise<unknown> { return this.#json('POST', path, body) }
  delete(path: string, body?: unknown): Promise<unknown> { return this.#json('DELETE', path, body) }

  /** The response of a stream of server-sent events, whose body stays open. */
  stream(path: string, headers: Record<string, string>, signal: AbortSignal): Promise<Response> {
    return this.#send('GET', path, { headers: { Accept: 'text/event-stream', ...headers }, signal, cache: 'no-store' })
  }

  async #json(method: string, path: string, body?: unknown): Promise<unknown> {
    const init: RequestInit = { headers: { Accept: 'application/json' } }
    if (body !== undefined) {
      init.headers = { ...init.headers, 'Content-Type': 'application/json' }
      init.body = JSON.stringify(body)
    }
    const response = await this.#send(method, path, init)
    const raw = await response.text()
    if (raw === '') return undefined
    try {
      return JSON.parse(raw) as unknown
    } catch (cause) {
      throw new RoomError('server', 'the server answered with something else than JSON', { cause })
    }
  }

  async #send(method: string, path: string, init: RequestInit): Promise<Response> {
    let response = await this.#once(method, path, init, await this.#tokens.token('connect'))
    if (response.status === 401) response = await this.#once(method, path, init, await this.#tokens.token('rejected'))
    if (!response.ok) throw await problem(response)
    return response
  }

  async #once(method: string, path: string, init: RequestInit, token: string): Promise<Response> {
    try {
      return await this.#fetch(this.base + path, { ...init, method, headers: { ...init.headers, Authorization: `Bearer ${token}` } })
    } catch (cause) {
      throw new RoomError('offline', 'the server cannot be reached', { cause })
    }
  }
}

/** The error that a response with problem details (RFC 9457) stands for. */
export async function problem(response: Response): Promise<RoomError> {
  let said = {}
  try {
    said = fields(await response.json())
  } catch { /* no JSON: the status has to do */ }
  const f = fields(said)
  const message = optionalText(f['detail']) ?? optionalText(f['title']) ?? `the server answered ${response.status}`
  const wait = Number(response.headers.get('Retry-After'))
  return refusal(response.status, message, wait > 0 ? wait * 1000 : undefined)
}

/** The error for an HTTP status. `unsent` and `failed` carry a status as well. */
export function refusal(status: number, message: string, retryAfterMs?: number): RoomError {
  const code = codes[status] ?? (status >= 500 ? 'server' : 'invalid')
  return new RoomError(code, text(message) || code, retryAfterMs === undefined ? {} : { retryAfterMs })
}

const codes: Readonly<Record<number, ErrorCode>> = {
  401: 'auth', 403: 'forbidden', 404: 'not-found', 409: 'conflict', 410: 'deleted', 413: 'too-large', 422: 'invalid', 429: 'rate-limited',
}
