import { expect, test } from 'vitest'
import { EventParser, type StreamEvent } from '../src/sse.ts'

const stream = 'event: connected\ndata: {"user":"ana 😀"}\n\n: still here\n\nid: 7\r\nevent: notification\r\ndata: {"a":\r\ndata:1}\r\n\r\nevent: counts\rdata\rdata: x\r\rdata: plain\n\nid: 8\nevent: nothing\n\ndata: last\n\ndata: never ended\n'

const want: StreamEvent[] = [
  { event: 'connected', data: '{"user":"ana 😀"}', id: '' },
  { event: 'notification', data: '{"a":\n1}', id: '7' },
  { event: 'counts', data: '\nx', id: '7' },
  { event: 'message', data: 'plain', id: '7' },
  { event: 'message', data: 'last', id: '8' },
]

test('chunks cut anywhere give the same events', () => {
  const bytes = new TextEncoder().encode(stream)
  for (let a = 0; a <= bytes.length; a++) {
    for (const b of [a, a + 1, a + 3, bytes.length]) {
      const p = new EventParser()
      const got = [bytes.slice(0, a), bytes.slice(a, b), bytes.slice(Math.max(a, b))].flatMap((chunk) => p.push(chunk))
      expect(got, `cut at ${a} and ${b}`).toEqual(want)
    }
  }
})

test('single bytes give the same events', () => {
  const p = new EventParser('earlier')
  const got = [...new TextEncoder().encode(stream)].flatMap((b) => p.push(Uint8Array.of(b)))
  expect(got).toEqual([{ ...want[0], id: 'earlier' }, ...want.slice(1)])
})

test('an id with a NUL is ignored', () => {
  expect(new EventParser('a').push(new TextEncoder().encode('id: b\0\ndata: x\n\n'))).toEqual([{ event: 'message', data: 'x', id: 'a' }])
})
