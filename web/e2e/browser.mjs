// A headless Chromium, and pages that report whatever they should not do.
import { existsSync } from 'node:fs'
import { chromium } from 'playwright-core'

const candidates = [process.env.CHROMIUM, '/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome']

/** Launches Chromium; it closes with the test t. */
export async function launch(t) {
  const executablePath = candidates.find((p) => p && existsSync(p))
  if (!executablePath) throw new Error('no Chromium: install the package chromium, or set CHROMIUM to a browser')
  const browser = await chromium.launch({
    executablePath,
    args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
  })
  t.after(() => browser.close())
  return browser
}

/** A person in a browser context of their own. faults collects errors, refused content and foreign requests. */
export async function person(browser, server, options = {}) {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, ...options })
  context.setDefaultTimeout(90_000) // a machine that does much else at the same time is no fault
  const page = await context.newPage()
  const faults = []
  page.on('pageerror', (e) => faults.push(`error: ${e.message}`))
  page.on('console', (m) => {
    // A socket that cannot connect while the server is down is no fault.
    if (m.type() === 'error' && !/net::ERR_|WebSocket connection|Failed to fetch/.test(m.text())) faults.push(`console: ${m.text()}`)
  })
  page.on('request', (r) => {
    const { host, protocol } = new URL(r.url())
    if (host !== server.addr && protocol !== 'data:' && protocol !== 'blob:') faults.push(`foreign request: ${r.url()}`)
  })
  return { context, page, faults }
}

/** Opens a space and joins it under a name. */
export async function join({ page }, server, room, name) {
  await page.goto(`${server.url}/s/${room}`)
  const field = page.locator('input[name=name]')
  await field.waitFor()
  await field.fill(name)
  await field.press('Enter')
  await page.locator('weft-status[data-state=saved]').waitFor()
  await page.evaluate(() => { globalThis.sameDocument = true })
  return page
}

/** The editing surface, ready to type in. */
export function surface(page) { return page.locator('weft-page [contenteditable=true]').first() }

/** The text of the page. */
export function textOf(page) { return surface(page).innerText() }
