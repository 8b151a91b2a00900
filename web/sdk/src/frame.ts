// The native protocol's frames, server/PROTOCOL.md:
//
//   frame := varuint channel ‖ body
//   body  := 00 varuint kind varbytes   sync: kind 0 step 1, 1 step 2, 2 update
//          | 01 varbytes                awareness update
//          | 03                         query awareness
//          | 10 msgpack                 event
//          | 11 varuint n               ack, server to client
//
// server/wire/testdata/frames.json has frames that the tests of both sides decode.

export const subprotocol = 'weft.1'

export type SyncKind = 0 | 1 | 2

export type Body =
  | { readonly type: 0; readonly kind: SyncKind; readonly bytes: Uint8Array }
  | { readonly type: 1; readonly bytes: Uint8Array }
  | { readonly type: 3 }
  | { readonly type: 16; readonly bytes: Uint8Array }
  | { readonly type: 17; readonly n: number }

export interface Frame { readonly channel: number; readonly body: Body }

export class FrameError extends Error {
  override readonly name = 'FrameError'
}

/** Encodes a frame. The result shares no memory with `body`. */
export function encodeFrame(channel: number, body: Body): Uint8Array {
  const head: number[] = []
  putVaruint(head, channel)
  putVaruint(head, body.type)
  switch (body.type) {
    case 0:
      putVaruint(head, body.kind)
      putVaruint(head, body.bytes.length)
      return join(head, body.bytes)
    case 1:
      putVaruint(head, body.bytes.length)
      return join(head, body.bytes)
    case 3:
      return Uint8Array.from(head)
    case 16:
      return join(head, body.bytes)
    case 17:
      putVaruint(head, body.n)
      return Uint8Array.from(head)
  }
}

/** Decodes a frame. Bytes in the result are views into `data`. Undefined for a type that is unknown to this version; throws FrameError for a malformed frame. */
export function decodeFrame(data: Uint8Array): Frame | undefined {
  const r = new Reader(data)
  const channel = r.varuint()
  const type = r.varuint()
  const body = readBody(r, type)
  return body && { channel, body }
}

function readBody(r: Reader, type: number): Body | undefined {
  switch (type) {
    case 0: {
      const kind = r.varuint()
      if (kind !== 0 && kind !== 1 && kind !== 2) throw new FrameError(`sync kind ${kind}`)
      return { type, kind, bytes: r.varbytes() }
    }
    case 1:
      return { type, bytes: r.varbytes() }
    case 3:
      return { type }
    case 16:
      return { type, bytes: r.rest() }
    case 17:
      return { type, n: r.varuint() }
    default:
      return undefined
  }
}

class Reader {
  #at = 0
  readonly #data: Uint8Array
  constructor(data: Uint8Array) { this.#data = data }

  varuint(): number {
    let n = 0
    for (let factor = 1; ; factor *= 128) {
      const b = this.#data[this.#at++]
      if (b === undefined) throw new FrameError('the frame is cut short')
      n += (b & 0x7f) * factor // not a shift, which is limited to 32 bits
      if (n > Number.MAX_SAFE_INTEGER) throw new FrameError('a number exceeds 2^53 - 1')
      if (b < 0x80) return n
    }
  }

  varbytes(): Uint8Array {
    const length = this.varuint()
    const end = this.#at + length
    if (end > this.#data.length) throw new FrameError('the frame is cut short')
    const bytes = this.#data.subarray(this.#at, end)
    this.#at = end
    return bytes
  }

  rest(): Uint8Array { return this.#data.subarray(this.#at) }
}

function putVaruint(out: number[], n: number): void {
  while (n > 0x7f) {
    out.push((n % 128) | 0x80)
    n = Math.floor(n / 128)
  }
  out.push(n)
}

function join(head: number[], tail: Uint8Array): Uint8Array {
  const out = new Uint8Array(head.length + tail.length)
  out.set(head)
  out.set(tail, head.length)
  return out
}
