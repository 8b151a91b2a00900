// Pictures of the pages, for people to look at: results/*.png. Fails if a page
// does not come up, or asks for anything it should not.
import assert from 'node:assert/strict'
import { mkdirSync } from 'node:fs'
import { dirname, join as joinPath } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { join, launch, person, surface } from './browser.mjs'
import { call, guest, startServer } from './server.mjs'

const results = joinPath(dirname(fileURLToPath(import.meta.url)), 'results')

test('pictures of the landing page and a space', async (t) => {
  mkdirSync(results, { recursive: true })
  const server = await startServer(t)
  const browser = await launch(t)
  const looks = [
    { name: 'light', colorScheme: 'light' },
    { name: 'dark', colorScheme: 'dark' },
    { name: 'mobile', colorScheme: 'light', viewport: { width: 390, height: 844 }, hasTouch: true },
  ]
  const writer = await join(await person(browser, server), server, 'bio-201', 'Mika')
  await writer.locator('.heading textarea').click()
  await writer.keyboard.type('Bio 201 · Week 6')
  await surface(writer).click()
  await writer.keyboard.type('# Membranes and transport\nA cell membrane is not a wall. It is a two-molecule-thick fluid that sorts what may pass, and almost everything on this week’s sheet follows from that one idea.\n## Before Thursday\n[ ] Osmosis worksheet, questions 1–8\nExplain the pump without notes\nOne page on facilitated diffusion')
  const reader = await join(await person(browser, server), server, 'bio-201', 'Jonas')
  await reader.getByText('A cell membrane').first().click()
  await reader.keyboard.press('Home')
  await reader.keyboard.press('Shift+End')
  const [sofia, amara] = [await guest(server, 'Sofia'), await guest(server, 'Amara')]
  const talk = [
    [sofia, 'Does “fluid” mean it literally flows?'],
    [amara, 'Sideways, yes. A lipid swaps places with its neighbour ten million times a second.'],
    [amara, 'Flipping to the other layer is the slow one.'],
    [sofia, '@Mika can you take the pump? I’ll do facilitated diffusion tonight.'],
  ]
  for (const [who, text] of talk) assert.equal((await call(server, who, 'POST', '/api/rooms/bio-201/messages', { text })).status, 201)
  for (const { name, ...options } of looks) {
    const visitor = await person(browser, server, options)
    await visitor.page.goto(`${server.url}/`)
    await visitor.page.locator('form').first().waitFor()
    await visitor.page.screenshot({ path: joinPath(results, `landing-${name}.png`) })
    const page = await join(visitor, server, 'bio-201', `Luis ${name}`)
    await page.getByText('A cell membrane is not a wall').first().waitFor()
    await writer.keyboard.type('.')
    await page.locator('.weft-caret', { hasText: 'Mika' }).waitFor()
    await page.locator('.weft-caret', { hasText: 'Jonas' }).waitFor()
    await page.screenshot({ path: joinPath(results, `space-${name}.png`) })
    assert.deepEqual(visitor.faults, [])
  }
})
