import assert from 'node:assert/strict'
import { test } from 'node:test'
import { join, launch, person, surface } from './browser.mjs'
import { startServer, until } from './server.mjs'

test('typed Markdown becomes nodes, and the caret stays at the typed text', async (t) => {
  const server = await startServer(t)
  const browser = await launch(t)
  const [ana, ben] = [await person(browser, server), await person(browser, server)]
  const a = await join(ana, server, 'notes', 'Ana')
  const b = await join(ben, server, 'notes', 'Ben')
  await surface(a).click()
  await a.keyboard.type('# Membranes\nNot a wall.\n- one\ntwo\n\n[ ] explain the pump\nand diffusion\n\n> quoted\n\n\nThe end.')
  const structure = (page) => surface(page).evaluate((root) => {
    const walk = (node) => [...node.children].filter((c) => !c.matches('br,span,input,label')).map((c) => {
      const inner = walk(c)
      return inner.length > 0 ? { [c.localName]: inner } : `${c.localName}:${c.textContent}`
    })
    return JSON.stringify(walk(root))
  })
  const want = await structure(a)
  for (const part of ['h1:Membranes', 'p:Not a wall.', 'p:one', 'p:two', 'p:explain the pump', 'p:and diffusion', 'p:quoted', 'p:The end.']) assert.ok(want.includes(part), `${part} in ${want}`)
  const order = ['Membranes', 'Not a wall.', 'one', 'two', 'explain the pump', 'and diffusion', 'quoted', 'The end.']
  assert.deepEqual(order.map((s) => want.indexOf(s)), order.map((s) => want.indexOf(s)).sort((x, y) => x - y), want)
  assert.match(want, /blockquote/)
  await until('the same nodes on the other page', async () => (await structure(b)) === want)
  assert.deepEqual([...ana.faults, ...ben.faults], [])
})
