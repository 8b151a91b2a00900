import assert from 'node:assert/strict'
import { test } from 'node:test'
import WebSocket from 'ws'
import { WebsocketProvider } from 'y-websocket'
import * as Y from 'yjs'
import { join, launch, person, textOf } from './browser.mjs'
import { call, guest, startServer, until } from './server.mjs'

// If one of these texts were taken for markup, it would make an element, run code
// (which sets globalThis.pwned) or make a request to another host.
const evil = 'https://evil.invalid/x'
const texts = [
  '<script>globalThis.pwned = 1</script>',
  `<img src="${evil}" onerror="globalThis.pwned = 1">`,
  '"><svg onload="globalThis.pwned = 1"><circle/></svg>',
  `</textarea><iframe src="${evil}"></iframe>`,
  '<weft-chat id="injected"></weft-chat>',
  '<style>* { background: url(https://evil.invalid/s) }</style>',
  '${globalThis.pwned = 1} {{constructor.constructor("globalThis.pwned = 1")()}}',
  '[click](javascript:globalThis.pwned=1) javascript:globalThis.pwned=1',
  `![x](${evil}.png)`,
  '`<b>code</b>` ```<i>block</i>```',
  'https://evil.invalid/"onmouseover="globalThis.pwned=1',
  '&lt;b&gt;not bold&lt;/b&gt; &#x3c;i&#x3e;',
  '\u202Egnp.exe\u202C \u2028 end',
  'line one\n\nevent: notification\ndata: {"title":"forged"}\n\n',
]
const names = ['<img src=https://evil.invalid/n onerror=globalThis.pwned=1>', '"><b onclick=globalThis.pwned=1>x', '\u202Eesrever\u202C <i>']

/** Finds elements, in the page and in all shadow roots, that Weft never makes, event handler attributes, and the schemes of links. */
const audit = () => {
  const found = { elements: [], links: [], handlers: [], pwned: globalThis.pwned ?? null }
  const walk = (root) => {
    for (const e of root.querySelectorAll('*')) {
      if (e.className === 'ProseMirror-separator') continue // an image of ProseMirror's own, without an address
      if (['IMG', 'IFRAME', 'OBJECT', 'EMBED', 'VIDEO', 'AUDIO', 'FORM', 'BASE', 'MARQUEE', 'MATH'].includes(e.tagName) || e.id === 'injected') found.elements.push(e.outerHTML.slice(0, 200))
      if (e.tagName === 'SCRIPT' && !e.src.startsWith(location.origin)) found.elements.push(e.outerHTML.slice(0, 200))
      for (const a of e.attributes) if (a.name.startsWith('on')) found.handlers.push(`${e.tagName} ${a.name}`)
      if (e.tagName === 'A') found.links.push(e.protocol)
      if (e.shadowRoot) walk(e.shadowRoot)
    }
  }
  walk(document)
  return found
}


test('messages, names, carets and documents of a hostile peer are shown as text', async (t) => {
  const server = await startServer(t)
  const browser = await launch(t)
  const ben = await person(browser, server)
  const page = await join(ben, server, 'bio', 'Ben')
  const before = await page.evaluate(audit)
  assert.deepEqual(before.elements, [])

  await t.test('messages, live and from the history', async () => {
    for (const [i, text] of texts.entries()) {
      const who = await guest(server, names[i % names.length])
      const posted = await call(server, who, 'POST', '/api/rooms/bio/messages', { id: `evil${i}`, text, quote: { text, '<b>': text } })
      assert.equal(posted.status, 201)
      assert.equal(posted.body.text, text)
    }
    const shown = async () => (await page.locator('weft-chat').evaluate((chat) => chat.shadowRoot.querySelector('.log').textContent)).replace(/\s+/g, ' ')
    // Code is shown without its backticks.
    const drawn = texts.map((text) => text.replace(/`+/g, '').replace(/\s+/g, ' ').trim())
    await until('the last message', async () => (await shown()).includes('line one'), 90)
    let text = await shown()
    for (const want of drawn) assert.ok(text.includes(want), `${want} is not shown in ${text}`)
    await page.reload()
    await page.locator('weft-status[data-state=saved]').waitFor({ timeout: 90_000 })
    await until('the history', async () => (await shown()).includes('line one'), 90)
    text = await shown()
    for (const want of drawn) assert.ok(text.includes(want), `${want} is not shown in ${text}`)
  })

  await t.test('notifications', async () => {
    const who = await guest(server, names[0])
    assert.equal((await call(server, who, 'POST', '/api/rooms/bio/messages', { text: `@Ben ${texts[1]}` })).status, 201)
    await page.locator('weft-bell [data-unread="1"]').waitFor({ timeout: 90_000 })
    await page.locator('weft-bell button').first().click()
    await page.locator('weft-bell [data-notice]').waitFor({ timeout: 90_000 })
    assert.ok((await page.locator('weft-bell [data-notice]').innerText()).includes('<img src="https://evil.invalid/x"'))
    await page.keyboard.press('Escape')
  })

  await t.test('carets, people, and a document that Weft’s editor would not write', async () => {
    const doc = new Y.Doc()
    const provider = new WebsocketProvider(`${server.ws}/ws`, 'bio', doc, { WebSocketPolyfill: WebSocket, disableBc: true })
    t.after(() => { provider.destroy(); doc.destroy() })
    await until('synced', () => provider.synced, 90)
    const root = doc.getXmlFragment('default')
    doc.transact(() => {
      const link = new Y.XmlText()
      link.insert(0, 'a link', { link: { href: 'javascript:globalThis.pwned=1', target: '"><img src=x>' } })
      link.insert(6, 'another', { link: { href: 'data:text/html,<script>1</script>' } })
      const p = new Y.XmlElement('paragraph')
      p.insert(0, [link])
      const script = new Y.XmlElement('script')
      script.insert(0, [new Y.XmlText('globalThis.pwned = 1')])
      const img = new Y.XmlElement('img')
      img.setAttribute('src', evil)
      img.setAttribute('onerror', 'globalThis.pwned = 1')
      const image = new Y.XmlElement('image')
      image.setAttribute('src', evil)
      const heading = new Y.XmlElement('heading')
      heading.setAttribute('level', '1 onclick=globalThis.pwned=1')
      heading.insert(0, [new Y.XmlText(texts[1])])
      const iframe = new Y.XmlElement('iframe')
      iframe.setAttribute('srcdoc', texts[0])
      const mention = new Y.XmlElement('mention')
      mention.setAttribute('id', '"><img src=x onerror=globalThis.pwned=1>')
      mention.setAttribute('label', texts[1])
      const q = new Y.XmlElement('paragraph')
      q.insert(0, [new Y.XmlText('the end of it'), mention])
      root.push([p, script, img, image, heading, iframe, q])
    })
    provider.awareness.setLocalState({
      user: { name: texts[1], color: `red;background:url(${evil})`, avatar: 'javascript:globalThis.pwned=1' },
      cursor: { anchor: Y.createRelativePositionFromTypeIndex(root, 1), head: Y.createRelativePositionFromTypeIndex(root, 1) },
      '<b>': texts[0],
    })
    await until('the document', async () => (await textOf(page)).includes('the end of it'), 90)
  })

  const after = await until('the audit of the page', () => page.evaluate(audit), 90)
  assert.equal(after.pwned, null)
  assert.deepEqual(after.elements, [])
  assert.deepEqual(after.handlers, before.handlers)
  assert.deepEqual(after.links.filter((p) => !['http:', 'https:', 'mailto:', 'tel:'].includes(p)), [])
  assert.deepEqual(ben.faults, [])
})
