import assert from 'node:assert/strict'
import { test } from 'node:test'
import { join, launch, person, surface, textOf } from './browser.mjs'
import { startServer, until } from './server.mjs'

test('two people write, chat, see each other, and survive kill -9', async (t) => {
  const server = await startServer(t)
  const browser = await launch(t)
  const [ana, ben] = [await person(browser, server), await person(browser, server)]
  const a = await join(ana, server, 'class/7', 'Ana')
  const b = await join(ben, server, 'class/7', 'Ben')

  await t.test('two people type at once, and both see the same text', async () => {
    await surface(a).click()
    await surface(b).click()
    await Promise.all([a.keyboard.type('Membranes are fluid. ', { delay: 5 }), b.keyboard.type('Lipids swap places. ', { delay: 5 })])
    const same = await until('the same text on both', async () => {
      const [x, y] = [await textOf(a), await textOf(b)]
      return x === y && x.includes('Membranes are fluid.') && x.length > 38 ? x : undefined
    })
    for (const letter of 'Lipids swap places') assert.ok(same.includes(letter))
  })

  await t.test('a guest who chooses a name is still one person', async () => {
    const answer = await fetch(`${server.url}/api/rooms/class%2F7/people`)
    assert.deepEqual((await answer.json()).people.map((p) => p.name), ['Ana', 'Ben'])
  })

  await t.test('each sees the other’s caret under their name', async () => {
    await a.keyboard.type('a')
    await b.keyboard.type('b')
    await b.locator('.weft-caret', { hasText: 'Ana' }).waitFor()
    await a.locator('.weft-caret', { hasText: 'Ben' }).waitFor()
  })

  await t.test('typing is shown until the message is sent, and the message arrives', async () => {
    const composer = b.locator('textarea[name=message]')
    await composer.click()
    await b.keyboard.type('Sideways, yes', { delay: 10 })
    await a.locator('[data-typing]', { hasText: 'Ben is typing' }).waitFor()
    await b.keyboard.press('Enter')
    await a.locator('[data-message-id]', { hasText: 'Sideways, yes' }).waitFor()
    await until('the end of typing', async () => !(await a.locator('[data-typing]').innerText()).includes('Ben'))
    assert.equal(await b.locator('[data-message-id]', { hasText: 'Sideways, yes' }).count(), 1)
  })

  await t.test('the server is killed during typing: no edit is lost, and the page does not reload', async () => {
    await surface(a).click()
    await a.keyboard.press('Control+End')
    const typing = a.keyboard.type('The quick brown fox jumps over the lazy dog while nobody watches it.', { delay: 25 })
    await until('some of the text on the other page', async () => (await textOf(b)).includes('quick'))
    await server.kill()
    await typing
    await b.locator('textarea[name=message]').fill('sent while the server is down')
    await b.locator('textarea[name=message]').press('Enter')
    assert.notEqual(await a.locator('weft-status').getAttribute('data-state'), 'saved', 'unsaved work is not called saved')
    await server.restart()
    for (const page of [a, b]) await page.locator('weft-status[data-state=saved]').waitFor({ timeout: 30_000 })
    await until('all of the text on the other page', async () => (await textOf(b)).includes('over the lazy dog while nobody watches it.'))
    assert.equal(await textOf(a), await textOf(b))
    await a.locator('[data-message-id]', { hasText: 'sent while the server is down' }).waitFor()
    assert.equal(await a.locator('[data-message-id]', { hasText: 'sent while the server is down' }).count(), 1)
    assert.equal(await a.locator('[data-message-id]', { hasText: 'Sideways, yes' }).count(), 1)
    for (const page of [a, b]) assert.equal(await page.evaluate(() => globalThis.hasNotReloaded), true, 'the page has not reloaded')
  })

  await t.test('after another kill, a new person finds everything', async () => {
    const before = await textOf(a)
    await server.kill()
    await server.restart()
    const cara = await person(browser, server)
    const c = await join(cara, server, 'class/7', 'Cara')
    await until('the document', async () => (await textOf(c)) === before)
    await c.locator('[data-message-id]', { hasText: 'Sideways, yes' }).waitFor()
    assert.deepEqual(cara.faults, [])
  })

  assert.deepEqual(ana.faults, [])
  assert.deepEqual(ben.faults, [])
})
