import { readFileSync } from 'node:fs'
import { createDecoder, hasContent, readVarInt, readVarString, readVarUint, readVarUint8Array, type Decoder } from 'lib0/decoding'
import { describe, expect, test } from 'vitest'
import { decodeEvent, encodeEvent } from '../src/events.ts'
import { decodeFrame, encodeFrame, FrameError, type Body } from '../src/frame.ts'

interface Case { name: string; hex: string; channel: number; type: number; value: unknown; dialect?: string; address?: string }

// Frames that the server's tests share: append-only.
const cases = JSON.parse(readFileSync(new URL('../../../server/wire/testdata/frames.json', import.meta.url), 'utf8')) as Case[]
const native = cases.filter((c) => !c.dialect)

describe('frames shared with the server', () => {
  test.each(native)('$name', ({ hex, channel, type, value }) => {
    const frame = decodeFrame(bytes(hex))
    expect(frame).toMatchObject({ channel, body: { type } })
    expect(read(frame!.body)).toEqual(value)
    expect(toHex(encodeFrame(channel, again(frame!.body)))).toBe(hex)
  })
})

// The SDK does not use the Hocuspocus dialect. Its frames are decoded here with lib0, as the stock providers do.
describe('Hocuspocus frames shared with the server', () => {
  test.each(cases.filter((c) => c.dialect === 'hocuspocus'))('$name', ({ hex, address, type, value }) => {
    const d = createDecoder(bytes(hex))
    if (type !== 9 && type !== 10) expect(readVarString(d)).toBe(address)
    expect(readVarUint(d)).toBe(type)
    expect(readHocuspocus(d, type)).toEqual(value)
    expect(hasContent(d)).toBe(false)
  })
})

test('keys are sorted, and undefined members are left out', () => {
  expect(decodeEvent(encodeEvent('x', { b: 1, a: undefined, c: { z: 1, y: 2 } }))).toEqual({ name: 'x', data: { b: 1, c: { z: 1, y: 2 } } })
  expect(toHex(encodeEvent('x', { b: 1, a: 2 }))).toBe('92a17882a16102a16201')
})

test('later versions may append to the array', () => {
  expect(decodeEvent(bytes('93a1788000'))).toEqual({ name: 'x', data: {} })
})

test('malformed events are undefined', () => {
  for (const hex of ['', 'c1', '80', '91a178', '920080', '92a17890', '92a178']) expect(decodeEvent(bytes(hex)), hex).toBeUndefined()
})

test('an unknown type is ignored', () => {
  expect(decodeFrame(bytes('010701'))).toBeUndefined()
})

test('a truncated frame throws a FrameError or is another valid frame', () => {
  for (const { hex } of native) {
    const whole = bytes(hex)
    for (let n = 0; n < whole.length; n++) {
      try {
        const f = decodeFrame(whole.subarray(0, n))
        if (f?.body.type === 16) decodeEvent(f.body.bytes)
      } catch (err) {
        expect(err).toBeInstanceOf(FrameError)
      }
    }
  }
})

test('numbers of up to 53 bits are decoded, larger ones are refused', () => {
  const frame = encodeFrame(1, { type: 17, n: 2 ** 53 - 1 })
  expect(decodeFrame(frame)?.body).toEqual({ type: 17, n: 2 ** 53 - 1 })
  expect(() => decodeFrame(bytes('0111ffffffffffffffffff01'))).toThrow(FrameError)
})

function read(body: Body): unknown {
  switch (body.type) {
    case 0: case 1: return toHex(body.bytes)
    case 3: return ''
    case 16: { const e = decodeEvent(body.bytes); return e && [e.name, e.data] }
    case 17: return body.n
  }
}

function readHocuspocus(d: Decoder, type: number): unknown {
  switch (type) {
    case 0: readVarUint(d); return toHex(readVarUint8Array(d))
    case 1: case 5: return toHex(readVarUint8Array(d))
    case 2: {
      const said = [['token', 'denied', 'authenticated'][readVarUint(d)]]
      while (hasContent(d)) said.push(readVarString(d))
      return said
    }
    case 3: return ''
    case 7: return hasContent(d) ? readVarString(d) : null
    case 8: return readVarInt(d)
    default: return null
  }
}

function again(body: Body): Body {
  if (body.type !== 16) return body
  const e = decodeEvent(body.bytes)!
  return { type: 16, bytes: encodeEvent(e.name, e.data) }
}

function bytes(hex: string): Uint8Array { return Uint8Array.from(Buffer.from(hex, 'hex')) }
function toHex(b: Uint8Array): string { return Buffer.from(b).toString('hex') }
