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
  const mika = await person(browser, server)
  const writer = await join(mika, server, 'bio-201', 'Mika')
  await surface(writer).click()
  await writer.keyboard.type('# Membranes and transport\nA cell membrane is not a wall. It is a two-molecule-thick fluid that sorts what may pass.\n## Before Thursday\n[ ] Explain the pump without notes\nOne page on facilitated diffusion')
  await join(await person(browser, server), server, 'bio-201', 'Jonas')
  const amara = await guest(server, 'Amara')
  for (const text of ['Does “fluid” mean it literally flows?', 'Sideways, yes. A lipid swaps places ten million times a second.', '@Mika can you take the pump?']) {
    assert.equal((await call(server, amara, 'POST', '/api/rooms/bio-201/messages', { text })).status, 201)
  }
  for (const { name, ...options } of looks) {
    const visitor = await person(browser, server, options)
    await visitor.page.goto(`${server.url}/`)
    await visitor.page.locator('form').first().waitFor()
    await visitor.page.screenshot({ path: joinPath(results, `landing-${name}.png`) })
    const page = await join(visitor, server, 'bio-201', `Sofia ${name}`)
    await page.getByText('A cell membrane is not a wall').first().waitFor()
    await writer.keyboard.type('.')
    await page.locator('.weft-caret').first().waitFor()
    await page.screenshot({ path: joinPath(results, `space-${name}.png`) })
    assert.deepEqual(visitor.faults, [])
  }
})
