import assert from 'node:assert/strict'
import { test } from 'node:test'
import { join, launch, person } from './browser.mjs'
import { startServer } from './server.mjs'

test('a person with a hidden tab is idle, and a person who has left is listed with a time', async (t) => {
  const server = await startServer(t)
  const browser = await launch(t)
  const [ana, ben] = [await person(browser, server), await person(browser, server)]
  const a = await join(ana, server, 'bio', 'Ana')
  const b = await join(ben, server, 'bio', 'Ben')
  await b.locator('textarea[name=message]').fill('hello')
  await b.locator('textarea[name=message]').press('Enter')
  const row = a.locator('[data-message-id]', { hasText: 'hello' })
  await row.waitFor()
  const setVisibility = (visibility) => b.evaluate((state) => {
    Object.defineProperty(document, 'visibilityState', { value: state, configurable: true })
    document.dispatchEvent(new Event('visibilitychange'))
  }, visibility)

  await t.test('a person whose tab is hidden is idle at once, on faces and in the list, and active when it is visible again', async () => {
    await a.locator('weft-avatars [data-person][data-state=active]').waitFor()
    await setVisibility('hidden')
    await a.locator('weft-avatars [data-person][data-state=idle] .face[data-state=idle]').waitFor()
    await row.locator('.face[data-state=idle]').waitFor()
    await a.getByRole('tab', { name: 'People' }).click()
    await a.locator('weft-people li[data-state=idle]', { hasText: 'Idle' }).waitFor()
    await setVisibility('visible')
    await a.locator('weft-people li[data-state=active]', { hasText: 'Ben' }).waitFor()
    await a.locator('weft-avatars [data-person][data-state=active]').waitFor()
  })

  await t.test('a person who has left is listed with the time they were last seen', async () => {
    await ben.context.close()
    await a.locator('weft-people li[data-state=offline]', { hasText: 'Ben' }).getByText(/^Last seen/).waitFor({ timeout: 90_000 })
    await a.locator('weft-avatars[data-count="0"]').waitFor({ state: 'attached' })
  })

  assert.deepEqual(ana.faults, [])
})

test('a new person is a line in the chat, once', async (t) => {
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
  assert.equal(await lines.count(), 1, 'a reload adds no line')
  assert.ok(await a.evaluate(() => {
    const root = document.querySelector('weft-chat').shadowRoot
    return root.querySelector('.line').compareDocumentPosition(root.querySelector('[data-message-id]')) & Node.DOCUMENT_POSITION_FOLLOWING
  }), 'the line is above the messages after it')
  assert.equal(await b.locator('weft-chat .line', { hasText: 'Ben' }).count(), 0, 'nobody sees a line about themselves')
  assert.deepEqual(ana.faults, [])
  assert.deepEqual(ben.faults, [])
})
