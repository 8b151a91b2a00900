// Parses the text of a message into parts, for display. Anything that is not
// recognised stays text, and nothing ever becomes HTML. The parser makes one pass
// and takes time linear in the text, which the tests check.

/** A part of a text. Parts nest at most three deep: bold, italic and strike, each once. */
export type MessagePart =
  | { readonly type: 'text' | 'code'; readonly text: string }
  | { readonly type: 'codeblock'; readonly text: string; /** The word after the opening fence. */ readonly lang?: string }
  | { readonly type: 'bold' | 'italic' | 'strike'; readonly parts: readonly MessagePart[] }
  /** `href` is http, https or mailto. */
  | { readonly type: 'link'; readonly text: string; readonly href: string }
  | { readonly type: 'mention'; readonly text: string; /** A user's id, or '@room'. */ readonly id: string }

/** The names that a text may mention, as foldName returns them, with the ids of their users. */
export type Names = ReadonlyMap<string, string>

type Style = 'bold' | 'italic' | 'strike'
type Token = MessagePart | { readonly type: 'open' | 'close'; readonly style: Style; readonly text: string }

interface Opener { readonly style: Style; readonly mark: string; readonly at: number }

/** Lower case, character by character, keeping the length: İ, whose lower case is longer, stays as it is. */
export const foldName = (name: string): string => name.replace(/\P{Ll}/gu, (c) => {
  const low = c.toLowerCase()
  return low.length === c.length ? low : c
})

/**
 * Parses a text. `names` is keyed by foldName. A name counts only if the server
 * found it too: pass the names of the message's mentions.
 */
export function messageParts(text: string, names: Names = new Map()): readonly MessagePart[] {
  return tree(new Scanner(text, names).run())
}

class Scanner {
  readonly #text: string
  readonly #names: Names
  readonly #folded: string
  readonly #lengths: readonly number[]
  readonly #tokens: Token[] = []
  #openers: Opener[] = [] // open styles, at most one of each, outermost first
  #brackets: { readonly at: number; readonly token: number }[] = []
  #from = 0 // start of the text that belongs to no token yet
  #at = 0
  #noFence = false // there is no closing fence after this position
  #blank = -1 // position of the first blank at or after the last address tried
  #blankSince = 0
  #paren = 0 // the first closing bracket at or after the last one asked for; -1: none
  #literal = -1 // position of a mark that was escaped

  constructor(text: string, names: Names) {
    this.#text = text
    this.#names = names
    this.#folded = names.size > 0 ? foldName(text) : ''
    this.#lengths = [...new Set([...names.keys()].map((n) => n.length))].sort((a, b) => b - a)
  }

  run(): readonly Token[] {
    while (this.#at < this.#text.length) if (!this.#step(this.#text.charCodeAt(this.#at))) this.#at++
    this.#flush(this.#text.length)
    return this.#tokens
  }

  /** Reads one mark or token. True if the position was advanced. */
  #step(c: number): boolean {
    switch (c) {
      case 0x0a: // a newline ends every style, so that an asterisk affects one line only
        this.#openers = []
        this.#brackets = []
        return false
      case 0x5c: return this.#escape()
      case 0x60: return this.#fence() || this.#code()
      case 0x2a: case 0x5f: case 0x7e: return this.#mark()
      case 0x40: return this.#mention()
      case 0x5b:
        this.#flush(this.#at)
        this.#brackets.push({ at: this.#at, token: this.#tokens.length })
        return false
      case 0x5d: return this.#label()
      case 0x48: case 0x68: case 0x4d: case 0x6d: return this.#address()
      default: return false
    }
  }

  /** `\*` is an asterisk. A backslash before anything else is a backslash, also in ¯\_(ツ)_/¯. */
  #escape(): boolean {
    const next = this.#text[this.#at + 1]
    if (next === '_') this.#literal = this.#at + 1
    if (next === undefined || !'*~`['.includes(next)) return false
    this.#flush(this.#at)
    this.#from = this.#at + 1
    this.#at += 2
    return true
  }

  #fence(): boolean {
    if (this.#noFence || !this.#text.startsWith('```', this.#at)) return false
    const end = this.#text.indexOf('```', this.#at + 3)
    if (end < 0) {
      this.#noFence = true
      return false
    }
    const body = this.#text.slice(this.#at + 3, end)
    const line = body.indexOf('\n')
    const lang = line < 0 ? '' : body.slice(0, line).trim()
    const named = line >= 0 && /^[\w+#.-]{0,20}$/u.test(lang)
    const inside = (named ? body.slice(line + 1) : body).replace(/\n$/u, '')
    if (inside.trim() === '') return false
    this.#put({ type: 'codeblock', text: inside, ...(named && lang !== '' ? { lang } : {}) }, end + 3)
    if (this.#text[this.#at] === '\n') this.#from = ++this.#at // the code block breaks the line already
    this.#openers = []
    this.#brackets = []
    return true
  }

  #code(): boolean {
    let n = 1
    while (this.#text[this.#at + n] === '`') n++
    if (n > 2) return this.#skip(n)
    const end = this.#text.indexOf('`'.repeat(n), this.#at + n)
    const text = this.#text.slice(this.#at + n, Math.max(end, 0))
    if (text === '' || text.includes('\n')) return this.#skip(n)
    this.#put({ type: 'code', text }, end + n)
    return true
  }

  #mark(): boolean {
    const start = this.#at
    const char = this.#text.charAt(start)
    if (start === this.#literal) return false
    let end = start
    while (this.#text[end] === char) end++
    const count = end - start
    if (count > (char === '~' ? 2 : 3)) return this.#skip(count)
    const before = wordBefore(this.#text, start)
    const after = wordAt(this.#text, end)
    const opens = end < this.#text.length && !/\s/u.test(this.#text.charAt(end))
    const closes = start > 0 && !/\s/u.test(this.#text.charAt(start - 1))
    for (let at = start; at < end;) {
      const left = end - at
      const top = this.#openers.at(-1)
      const size = left === 3 && top?.mark === char ? 1 : Math.min(left, 2)
      const mark = char.repeat(size)
      const style: Style = char === '~' ? 'strike' : size === 2 ? 'bold' : 'italic'
      // Single marks and underscores count only at the edge of a word: not in 2*3*4 and snake_case.
      const edge = size === 1 || char === '_'
      const opener = this.#openers.findIndex((o) => o.style === style && o.mark === mark)
      const open = opener < 0 ? undefined : this.#openers[opener]
      if (open && closes && !(edge && after) && open.at + size < at) {
        this.#wrap(opener, at, size)
      } else if (opens && !(edge && before)) {
        this.#flush(at)
        this.#openers = this.#openers.filter((o) => o.style !== style)
        this.#openers.push({ style, mark, at })
        this.#tokens.push({ type: 'open', style, text: mark })
        this.#from = at + size
      }
      at += size
    }
    this.#at = end
    return true
  }

  /** Ends the style of `opener` at `at`. Styles that were opened inside it stay text. */
  #wrap(opener: number, at: number, size: number): void {
    const open = this.#openers[opener]
    if (!open) return
    this.#flush(at)
    this.#tokens.push({ type: 'close', style: open.style, text: open.mark })
    this.#openers = this.#openers.slice(0, opener)
    this.#from = at + size
  }

  #mention(): boolean {
    if (this.#lengths.length === 0 || wordBefore(this.#text, this.#at)) return false
    for (const length of this.#lengths) {
      const end = this.#at + 1 + length
      if (end > this.#text.length || wordAt(this.#text, end)) continue
      const id = this.#names.get(this.#folded.slice(this.#at + 1, end))
      if (id === undefined) continue
      this.#put({ type: 'mention', id, text: this.#text.slice(this.#at, end) }, end)
      return true
    }
    return false
  }

  /** Reads `[words](address)`. Words that look like another address are not allowed to hide this one. */
  #label(): boolean {
    const open = this.#brackets.pop()
    if (!open || this.#text[this.#at + 1] !== '(') return false
    const start = this.#at + 2
    const end = this.#parenFrom(start)
    if (end < 0 || end - start > maxAddress || this.#at - open.at > 300 || this.#blankFrom(start) < end) return false
    const words = this.#text.slice(open.at + 1, this.#at)
    const href = safeAddress(this.#text.slice(start, end))
    if (href === undefined || words.trim() === '' || /:\/\/|^www\.|@/iu.test(words)) return false
    // Tokens that were found between the brackets become plain text.
    this.#tokens.length = open.token
    this.#openers = this.#openers.filter((o) => o.at < open.at)
    this.#from = open.at
    this.#flush(open.at)
    this.#tokens.push({ type: 'link', text: words.replace(/[*_~`]/gu, ''), href })
    this.#brackets = []
    this.#from = this.#at = end + 1
    return true
  }

  #address(): boolean {
    const found = scheme.exec(this.#text.slice(this.#at, this.#at + 8))
    if (!found || wordBefore(this.#text, this.#at)) return false
    let end = this.#blankFrom(this.#at)
    if (end - this.#at > maxAddress) return this.#skip(end - this.#at)
    end = this.#at + trimmed(this.#text.slice(this.#at, end)).length
    const text = this.#text.slice(this.#at, end)
    const href = text.length > found[0].length ? safeAddress(text) : undefined
    if (href === undefined) return this.#skip(Math.max(found[0].length, text.length))
    this.#put({ type: 'link', text, href }, end)
    return true
  }

  /** The position of the next character that no address contains. It is remembered, so that many calls cost one search. */
  #blankFrom(at: number): number {
    if (this.#blank >= at && this.#blankSince <= at) return this.#blank
    let end = at
    while (end < this.#text.length && !/[\s<>"[\]]/u.test(this.#text.charAt(end))) end++
    this.#blankSince = at
    return this.#blank = end
  }

  /** The position of the next closing bracket, or -1. */
  #parenFrom(at: number): number {
    if (this.#paren < at && this.#paren !== -1) this.#paren = this.#text.indexOf(')', at)
    return this.#paren
  }

  #skip(n: number): true {
    this.#at += n
    return true
  }

  #put(token: Token, end: number): void {
    this.#flush(this.#at)
    this.#tokens.push(token)
    this.#from = this.#at = end
  }

  #flush(to: number): void {
    if (to > this.#from) this.#tokens.push({ type: 'text', text: this.#text.slice(this.#from, to) })
    this.#from = Math.max(this.#from, to)
  }
}

const maxAddress = 2048
const scheme = /^(?:https?:\/\/|mailto:)/iu

/** The address, or undefined unless it is http, https or mailto. */
export function safeAddress(text: string): string | undefined {
  if (!scheme.test(text) || text.length > maxAddress) return undefined
  try {
    const url = new URL(text)
    return url.protocol === 'http:' || url.protocol === 'https:' || url.protocol === 'mailto:' ? text : undefined
  } catch {
    return undefined
  }
}

/** The address without the punctuation of the sentence around it: full stops, quotes, a bracket that was opened before. */
function trimmed(text: string): string {
  let open = 0
  for (const c of text) open += c === '(' ? 1 : c === ')' ? -1 : 0
  let end = text.length
  for (; end > 0; end--) {
    const c = text.charAt(end - 1)
    if (c === ')' && open < 0) open++
    else if (!'.,;:!?\'*_~`]}'.includes(c)) break
  }
  return text.slice(0, end)
}

const word = /[\p{L}\p{N}\p{Mn}_]/u

function wordAt(text: string, at: number): boolean {
  const c = text.codePointAt(at)
  return c !== undefined && word.test(String.fromCodePoint(c))
}

function wordBefore(text: string, at: number): boolean {
  if (at === 0) return false
  const low = text.charCodeAt(at - 1)
  return wordAt(text, low >= 0xdc00 && low <= 0xdfff && at > 1 ? at - 2 : at - 1)
}

/** Nests the tokens. An opening mark without a closing one is text, and the reverse. */
function tree(tokens: readonly Token[]): readonly MessagePart[] {
  const partner = new Map<number, number>()
  const open: { style: Style; at: number }[] = []
  tokens.forEach((t, i) => {
    if (t.type === 'open') open.push({ style: t.style, at: i })
    if (t.type !== 'close') return
    while (open.length > 0) {
      const last = open.pop()
      if (last?.style !== t.style) continue
      partner.set(last.at, i)
      partner.set(i, last.at)
      break
    }
  })
  const stack: MessagePart[][] = [[]]
  const add = (p: MessagePart): void => {
    const here = stack.at(-1)
    const last = here?.at(-1)
    if (here && last?.type === 'text' && p.type === 'text') here[here.length - 1] = { type: 'text', text: last.text + p.text }
    else here?.push(p)
  }
  tokens.forEach((t, i) => {
    if (!('style' in t)) add(t)
    else if (!partner.has(i)) add({ type: 'text', text: t.text })
    else if (t.type === 'open') stack.push([])
    else add({ type: t.style, parts: stack.pop() ?? [] })
  })
  return stack[0] ?? []
}
