// A headless Chromium, and pages that record errors and requests to other hosts.
import { existsSync } from 'node:fs'
import { chromium } from 'playwright-core'

const candidates = [process.env.CHROMIUM, '/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome']

/** Launches Chromium. It is closed when the test t ends. */
export async function launch(t) {
  const executablePath = candidates.find((p) => p && existsSync(p))
  if (!executablePath) throw new Error('Chromium not found: install the package chromium, or set CHROMIUM to the path of a browser')
  const browser = await chromium.launch({
    executablePath,
    args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
  })
  t.after(() => browser.close())
  return browser
}

/** Makes a person with a browser context of their own. `faults` collects errors, content that the CSP refused, and requests to other hosts. */
export async function person(browser, server, options = {}) {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, ...options })
  context.setDefaultTimeout(90_000) // long enough for a machine that runs other tests at the same time
  const page = await context.newPage()
  const faults = []
  page.on('pageerror', (e) => faults.push(`error: ${e.message}`))
  page.on('console', (m) => {
    // Connections fail while a test has stopped the server; that is expected.
    if (m.type() === 'error' && !/net::ERR_|WebSocket connection|Failed to fetch/.test(m.text())) faults.push(`console: ${m.text()}`)
  })
  page.on('request', (r) => {
    const { host, protocol } = new URL(r.url())
    if (host !== server.addr && protocol !== 'data:' && protocol !== 'blob:') faults.push(`request to another host: ${r.url()}`)
  })
  return { context, page, faults }
}

/** Opens the space of a room and joins it under a name. */
export async function join({ page }, server, room, name) {
  await page.goto(`${server.url}/s/${room}`)
  const field = page.locator('input[name=name]')
  await field.waitFor()
  await field.fill(name)
  await field.press('Enter')
  await page.locator('weft-status[data-state=saved]').waitFor()
  await page.evaluate(() => { globalThis.hasNotReloaded = true })
  return page
}

/** The editing surface of the page. */
export function surface(page) { return page.locator('weft-page [contenteditable=true]').first() }

/** The visible text of the editing surface. */
export function textOf(page) { return surface(page).innerText() }
