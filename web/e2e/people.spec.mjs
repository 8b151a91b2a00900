import assert from 'node:assert/strict'
import { test } from 'node:test'
import { join, launch, person } from './browser.mjs'
import { startServer } from './server.mjs'

test('who turns away is idle, who left was last seen', async (t) => {
  const server = await startServer(t)
  const browser = await launch(t)
  const [ana, ben] = [await person(browser, server), await person(browser, server)]
  const a = await join(ana, server, 'bio', 'Ana')
  const b = await join(ben, server, 'bio', 'Ben')
  await b.locator('textarea[name=message]').fill('hello')
  await b.locator('textarea[name=message]').press('Enter')
  const row = a.locator('[data-message-id]', { hasText: 'hello' })
  await row.waitFor()
  const look = (visibility) => b.evaluate((state) => {
    Object.defineProperty(document, 'visibilityState', { value: state, configurable: true })
    document.dispatchEvent(new Event('visibilitychange'))
  }, visibility)

  await t.test('a hidden tab is idle at once, on faces and in words, and active when it is back', async () => {
    await a.locator('weft-avatars [data-person][data-state=active]').waitFor()
    await look('hidden')
    await a.locator('weft-avatars [data-person][data-state=idle] .face[data-state=idle]').waitFor()
    await row.locator('.face[data-state=idle]').waitFor()
    await a.getByRole('tab', { name: 'People' }).click()
    await a.locator('weft-people li[data-state=idle]', { hasText: 'Idle' }).waitFor()
    await look('visible')
    await a.locator('weft-people li[data-state=active]', { hasText: 'Ben' }).waitFor()
    await a.locator('weft-avatars [data-person][data-state=active]').waitFor()
  })

  await t.test('who has gone is listed with when they were last seen', async () => {
    await ben.context.close()
    await a.locator('weft-people li[data-state=offline]', { hasText: 'Ben' }).getByText(/^Last seen/).waitFor({ timeout: 90_000 })
    await a.locator('weft-avatars[data-count="0"]').waitFor({ state: 'attached' })
  })

  assert.deepEqual(ana.faults, [])
})

test('who is new and who has another name is a line of the chat, once', async (t) => {
  const server = await startServer(t)
  const browser = await launch(t)
  const [ana, ben] = [await person(browser, server), await person(browser, server)]
  const a = await join(ana, server, 'bio', 'Ana')
  const b = await join(ben, server, 'bio', 'Ben')
  const lines = a.locator('weft-chat .line')
  await lines.filter({ hasText: 'Ben joined' }).waitFor()
  await b.reload()
  await b.locator('weft-status[data-state=saved]').waitFor()
  await b.locator('textarea[name=message]').fill('here again')
  await b.locator('textarea[name=message]').press('Enter')
  await a.locator('[data-message-id]', { hasText: 'here again' }).waitFor()
  assert.equal(await lines.count(), 1, 'a reload is no news')
  assert.ok(await a.evaluate(() => {
    const root = document.querySelector('weft-chat').shadowRoot
    return root.querySelector('.line').compareDocumentPosition(root.querySelector('[data-message-id]')) & Node.DOCUMENT_POSITION_FOLLOWING
  }), 'the line stands above what came after it')
  assert.equal(await b.locator('weft-chat .line', { hasText: 'Ben' }).count(), 0, 'nobody is told of themselves')
  assert.deepEqual(ana.faults, [])
  assert.deepEqual(ben.faults, [])
})
