// Builds the server from this checkout, and runs every *.spec.mjs of this folder
// against it with Node's test runner. WEFT_E2E=NAME,NAME runs only the specs whose
// file name contains one of the names.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const here = dirname(fileURLToPath(import.meta.url))
const bin = mkdtempSync(join(tmpdir(), 'weft-e2e-'))
const weft = join(bin, 'weft')
const build = spawnSync('go', ['build', '-o', weft, './server/cmd/weft'], { cwd: join(here, '..', '..'), stdio: 'inherit' })
if (build.status !== 0) process.exit(1)
const only = process.env.WEFT_E2E ?? ''
const specs = readdirSync(here).filter((f) => f.endsWith('.spec.mjs') && only.split(',').some((name) => f.includes(name))).map((f) => join(here, f))
if (specs.length === 0) {
  console.error(`no spec's name contains one of "${only}"`)
  process.exit(1)
}
const test = spawnSync(process.execPath, ['--test', '--test-concurrency=2', '--test-timeout=480000', ...specs], {
  stdio: 'inherit',
  env: { ...process.env, WEFT_BIN: weft },
})
let failed = test.status !== 0
if (only === '') {
  // The SDK's tests that need a real server, which they kill and restart.
  const live = spawnSync('npx', ['vitest', 'run', 'sdk/test/live'], {
    cwd: join(here, '..'), stdio: 'inherit', env: { ...process.env, WEFT_BIN: weft },
  })
  failed ||= live.status !== 0
}
rmSync(bin, { recursive: true, force: true })
process.exit(failed ? 1 : 0)
