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
