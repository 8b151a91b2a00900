// The built server as a process that a test can kill, and helpers to wait and to call its API.
import { spawn } from 'node:child_process'
import { createHmac } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Starts a server on a free port with an empty data folder. Both go when the test t ends. */
export async function startServer(t, flags = []) {
  const data = mkdtempSync(join(tmpdir(), 'weft-data-'))
  const server = new Server(data, flags)
  t.after(async () => {
    await server.kill()
    rmSync(data, { recursive: true, force: true })
  })
  await server.start('127.0.0.1:0')
  return server
}

class Server {
  constructor(data, flags) {
    this.data = data
    this.flags = flags
    this.log = ''
  }

  get url() { return `http://${this.addr}` }
  get ws() { return `ws://${this.addr}` }

  async start(addr) {
    const args = ['--addr', addr, '--data', this.data, '--limits', 'lab', ...this.flags]
    const child = spawn(process.env.WEFT_BIN, args, { stdio: ['ignore', 'pipe', 'pipe'] })
    this.child = child
    this.exited = new Promise((resolve) => child.once('exit', resolve))
    child.stderr.on('data', (b) => { this.log += b })
    let out = ''
    this.addr = await new Promise((resolve, reject) => {
      child.stdout.on('data', (b) => {
        out += b
        const line = /^weft: listening on http:\/\/(\S+)/m.exec(out)
        if (line) resolve(line[1])
      })
      child.once('exit', (code) => reject(new Error(`the server exited with code ${code}: ${out}${this.log}`)))
    })
  }

  /** Kills the process with SIGKILL and waits for its exit. */
  async kill() {
    this.child.kill('SIGKILL')
    await this.exited
  }

  /** Starts the server again on the same port and data folder. */
  async restart() { await this.start(this.addr) }
}

/** Calls probe() every 50 ms until it returns a truthy value, and returns that. `what` is what is waited for, for the error. */
export async function until(what, probe, seconds = 90) {
  const end = Date.now() + seconds * 1000
  for (;;) {
    const value = await probe()
    if (value) return value
    if (Date.now() > end) throw new Error(`timed out after ${seconds} s waiting for ${what}`)
    await sleep(50)
  }
}

/** The secret of servers that require tokens; see token(). */
export const secret = 'a secret for tests, and long enough'

/** Makes a token as an application would: rooms is [[pattern, role], …], and the token expires after `seconds`. */
export function token(user, rooms, seconds = 3600, name = user) {
  const part = (v) => Buffer.from(JSON.stringify(v)).toString('base64url')
  const body = `${part({ alg: 'HS256', typ: 'JWT' })}.${part({ sub: user, name, aud: 'weft', exp: Math.floor(Date.now() / 1000) + seconds, rooms })}`
  return `${body}.${createHmac('sha256', secret).update(body).digest('base64url')}`
}

/** Checks twice a second, for `seconds`, that probe() returns a truthy value, and throws as soon as it does not. */
export async function stays(what, probe, seconds) {
  const end = Date.now() + seconds * 1000
  while (Date.now() < end) {
    if (!await probe()) throw new Error(`${what}: no longer so, ${seconds} s were expected`)
    await sleep(500)
  }
}

function sleep(ms) { return new Promise((resolve) => setTimeout(resolve, ms)) }

/** Makes a guest by the API; returns their id and token. */
export async function guest(server, name) {
  const answer = await fetch(`${server.url}/api/guests`, {
    method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ name }),
  })
  if (answer.status !== 201) throw new Error(`guest: ${answer.status}`)
  return answer.json()
}

/** Calls the API with the token of `who`; body is sent as JSON. */
export async function call(server, who, method, path, body) {
  const answer = await fetch(server.url + path, {
    method,
    headers: { authorization: `Bearer ${who.token}`, ...(body ? { 'content-type': 'application/json' } : {}) },
    body: body && JSON.stringify(body),
  })
  const text = await answer.text()
  return { status: answer.status, body: text && JSON.parse(text) }
}
