/** The kind of an error, for programs. */
export type ErrorCode = 'auth' | 'forbidden' | 'not-found' | 'deleted' | 'weft-full' | 'rate-limited' | 'too-large' | 'invalid' | 'conflict' | 'offline' | 'server' | 'client-too-old'

/** An error of the SDK or the server. `code` is stable; `message` is for people. */
export class RoomError extends Error {
  readonly code: ErrorCode
  readonly retryable: boolean
  readonly retryAfterMs: number | undefined
  constructor(code: ErrorCode, message: string, options: { retryable?: boolean; retryAfterMs?: number; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = 'RoomError'
    this.code = code
    this.retryable = options.retryable ?? (code === 'offline' || code === 'server' || code === 'rate-limited' || code === 'weft-full')
    this.retryAfterMs = options.retryAfterMs
  }
}
