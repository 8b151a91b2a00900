import { describe, expect, test } from 'vitest'
import { foldName, messageParts, safeAddress, type MessagePart } from '../src/parts.ts'

const names = new Map([['mika', 'u1'], ['ana', 'u2'], ['ana maria', 'u3'], ['room', '@room'], ['zoë', 'u4']])

/** Parts in one line: *styles* as tags, for reading. */
function show(list: readonly MessagePart[]): string {
  return list.map((p) => {
    switch (p.type) {
      case 'text': return p.text
      case 'code': return `<code>${p.text}</code>`
      case 'codeblock': return `<pre${p.lang === undefined ? '' : ` ${p.lang}`}>${p.text}</pre>`
      case 'link': return `<a ${p.href}>${p.text}</a>`
      case 'mention': return `<@${p.id}>${p.text}</@>`
      default: return `<${p.type}>${show(p.parts)}</${p.type}>`
    }
  }).join('')
}
const parse = (text: string): string => show(messageParts(text, names))

/** What a reader sees, marks apart. */
function seen(list: readonly MessagePart[]): string {
  return list.map((p) => 'parts' in p ? seen(p.parts) : p.text).join('')
}

describe('styles', () => {
  test.each([
    ['**b** *i* _i_ ~~s~~ ~s~ `c`', '<bold>b</bold> <italic>i</italic> <italic>i</italic> <strike>s</strike> <strike>s</strike> <code>c</code>'],
    ['***both***', '<bold><italic>both</italic></bold>'],
    ['**bold _and ~~more~~_ on**', '<bold>bold <italic>and <strike>more</strike></italic> on</bold>'],
    ['これは**太字**です', 'これは<bold>太字</bold>です'],
    ['_**@Mika** please_', '<italic><bold><@u1>@Mika</@></bold> please</italic>'],
    ['**oops and **bold**', '**oops and <bold>bold</bold>'],
    ['**a _b** c_', '<bold>a _b</bold> c_'],
  ])('%s', (text, want) => expect(parse(text)).toBe(want))

  test.each([
    '2 * 3 * 4', '2*3*4', 'snake_case_name', 'a ** b ** c', '****', '** **', '** a**', '__', '~~~', '*', '**', 'x * y', '_ _',
    'a*\n*b', '**never\nover lines**', '¯\\_(ツ)_/¯', '\\\\server\\share', 'C:\\temp\\x',
  ])('stays as written: %s', (text) => expect(messageParts(text)).toEqual([{ type: 'text', text }]))

  test('a backslash keeps a mark from being one', () => {
    expect(parse('\\*not italic\\* and \\`not code\\`')).toBe('*not italic* and `not code`')
  })
})

describe('code', () => {
  test.each([
    ['`**x** @Mika https://a.example`', '<code>**x** @Mika https://a.example</code>'],
    ['``a`b``', '<code>a`b</code>'],
    ['see\n```go\nx := `1`\n```\nthere', 'see\n<pre go>x := `1`</pre>there'],
    ['```plain words\nand more```', '<pre>plain words\nand more</pre>'],
    ['```<script>alert(1)</script>```', '<pre><script>alert(1)</script></pre>'],
    ['``` ```', '``` ```'],
    ['```never closed **b**', '```never closed <bold>b</bold>'],
    ['`a\nb`', '`a\nb`'],
  ])('%s', (text, want) => expect(parse(text)).toBe(want))
})

describe('links', () => {
  test.each([
    ['see https://a.example/x.', 'see <a https://a.example/x>https://a.example/x</a>.'],
    ['(https://a.example/b_(c))', '(<a https://a.example/b_(c)>https://a.example/b_(c)</a>)'],
    ['**https://a.example/x**', '<bold><a https://a.example/x>https://a.example/x</a></bold>'],
    ['https://a.example/_x_y_z', '<a https://a.example/_x_y_z>https://a.example/_x_y_z</a>'],
    ['HTTP://A.EXAMPLE', '<a HTTP://A.EXAMPLE>HTTP://A.EXAMPLE</a>'],
    ['mailto:mika@a.example', '<a mailto:mika@a.example>mailto:mika@a.example</a>'],
    ['[the sheet](https://a.example/x) now', '<a https://a.example/x>the sheet</a> now'],
    ['**[the *sheet*](https://a.example/x)**', '<bold><a https://a.example/x>the sheet</a></bold>'],
    ['[x [y](https://a.example)', '[x <a https://a.example>y</a>'],
  ])('%s', (text, want) => expect(parse(text)).toBe(want))

  test.each([
    'javascript:alert(1)', 'JaVaScRiPt:alert(1)', '[x](javascript:alert(1))', '[x](data:text/html,<b>)', '[x](vbscript:x)', '[x](//evil.example)',
    '[](https:)', 'http://', 'https:// x', 'mailto:', 'xhttps://', 'http://[', 'file:///etc/passwd', '[x](java\nscript:1)',
    '<img src=x onerror=alert(1)>', '<a href="javascript:1">x</a>', '&lt;b&gt;', '\u0000\u202e',
  ])('is text: %s', (text) => expect(messageParts(text)).toEqual([{ type: 'text', text }]))

  test('words that look like an address hide no other one', () => {
    expect(parse('[https://bank.example](https://evil.example)')).toBe('[<a https://bank.example>https://bank.example</a>](<a https://evil.example>https://evil.example</a>)')
    expect(parse('[www.bank.example](https://evil.example)')).toBe('[www.bank.example](<a https://evil.example>https://evil.example</a>)')
  })

  test('an address may be http, https or mailto and nothing else', () => {
    expect(['https://a', 'http://a', 'mailto:a@b'].every((a) => safeAddress(a) === a)).toBe(true)
    expect(['javascript:1', ' https://a', 'https://', 'ftp://a', 'https:/\ta\u0000['].map(safeAddress)).toEqual(Array(5).fill(undefined))
  })
})

describe('mentions', () => {
  test.each([
    ['hey @mika, @Zoë!', 'hey <@u1>@mika</@>, <@u4>@Zoë</@>!'],
    ['@Ana Maria and @Ana', '<@u3>@Ana Maria</@> and <@u2>@Ana</@>'],
    ['@room @Mikas x@Mika @@mika', '<@@room>@room</@> @Mikas x@Mika @<@u1>@mika</@>'],
  ])('%s', (text, want) => expect(parse(text)).toBe(want))

  test('only of those the server found', () => expect(messageParts('@Mika')).toEqual([{ type: 'text', text: '@Mika' }]))

  test('a name’s length in lower case is its own', () => {
    expect(foldName('İSTANBUL')).toHaveLength(8)
    expect(show(messageParts('İ @ana', new Map([['ana', 'u2']])))).toBe('İ <@u2>@ana</@>')
  })
})

describe('hostile texts', () => {
  const pieces = [
    '*', '**', '***', '_', '__', '~~', '`', '``', '```', '[', ']', '](', ')', '[x](', 'http://', 'https://a', 'http://[', 'mailto:', '@', '@mika', '\n', ' ', '\\', 'a',
    '<img onerror=1>', 'javascript:', '😀', '\u202e', '\ud800', '\udc00', '(', '.',
  ]

  test('any text parses, nests three deep at most, loses no letter, and links nowhere else', () => {
    let seed = 0x2545f491
    const next = (n: number): number => {
      seed ^= seed << 13
      seed ^= seed >>> 17
      seed ^= seed << 5
      return (seed >>> 0) % n
    }
    const check = (list: readonly MessagePart[], depth: number): void => {
      expect(depth).toBeLessThanOrEqual(3)
      for (const p of list) {
        if ('parts' in p) check(p.parts, depth + 1)
        else expect(p.text).not.toBe('')
        if (p.type === 'link') expect(['http:', 'https:', 'mailto:']).toContain(new URL(p.href).protocol)
      }
    }
    const letters = (s: string): string => s.replace(/[*_~\\]/gu, '')
    for (let i = 0; i < 3000; i++) {
      const text = Array.from({ length: 1 + next(24) }, () => pieces[next(pieces.length)]).join('')
      const list = messageParts(text, names)
      check(list, 0)
      // Only marks and backslashes go, where there is no code and no link.
      if (!/[[`]|https?:|mailto:/u.test(text)) expect(letters(seen(list)), JSON.stringify(text)).toBe(letters(text))
    }
  })

  // A quadratic parser takes minutes for these, and the bound is a minute.
  test.each(pieces.concat('**a', '_a ', '`a` ', '[](http://', '[a](http://b', '](', '[[](', 'http://[ ', '*a_b~c', '@ana @', '``` ', '```x', '``a`', '~~_**', 'a@', 'http://x)('))(
    'cost no more than their length: %j again and again', (piece) => {
      const text = piece.repeat(Math.ceil(400_000 / piece.length))
      expect(seen(messageParts(text, names)).length).toBeLessThanOrEqual(text.length)
    }, 60_000)
})
