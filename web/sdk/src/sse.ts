/** One event of a text/event-stream. */
export interface StreamEvent {
  readonly event: string
  readonly data: string
  /** The last id in the stream so far, which is kept until another one comes. */
  readonly id: string
}

/** The rest of a longer line is dropped. The server sends none, so this only bounds the memory. */
const maxLine = 1 << 20

/**
 * Reads text/event-stream from chunks cut anywhere, in the middle of a
 * character too. https://html.spec.whatwg.org/multipage/server-sent-events.html
 */
export class EventParser {
  readonly #decoder = new TextDecoder('utf-8')
  #line = ''
  #afterCR = false
  #event = ''
  #data: string[] = []
  #id: string

  constructor(lastEventId = '') { this.#id = lastEventId }

  push(chunk: Uint8Array): StreamEvent[] {
    const out: StreamEvent[] = []
    for (const c of this.#decoder.decode(chunk, { stream: true })) {
      const second = this.#afterCR && c === '\n' // the second character of a CR LF
      this.#afterCR = c === '\r'
      if (second) continue
      if (c === '\n' || c === '\r') this.#end(out)
      else if (this.#line.length < maxLine) this.#line += c
    }
    return out
  }

  #end(out: StreamEvent[]): void {
    const line = this.#line
    this.#line = ''
    if (line === '') {
      if (this.#data.length > 0) out.push({ event: this.#event || 'message', data: this.#data.join('\n'), id: this.#id })
      this.#event = ''
      this.#data = []
      return
    }
    const colon = line.indexOf(':')
    if (colon === 0) return // a comment, which only keeps the connection alive
    const field = colon < 0 ? line : line.slice(0, colon)
    const value = colon < 0 ? '' : line.slice(colon + (line[colon + 1] === ' ' ? 2 : 1))
    if (field === 'event') this.#event = value
    else if (field === 'data') this.#data.push(value)
    else if (field === 'id' && !value.includes('\0')) this.#id = value
  }
}
