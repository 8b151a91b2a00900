// Usage: node --expose-gc peer.mjs <yjs|ywasm> <case> <folder> <budget in ms> [arg]
// Measures one case and prints {samples: [ms], cpu: [ms], bytes}. The folder holds node_modules and what data.go wrote there.
import { createRequire } from 'module'
import { readFileSync } from 'fs'
const [lib, name, dir, budget, arg] = process.argv.slice(2)
const Y = createRequire(dir + '/package.json')(lib), wasm = lib === 'ywasm'
const read = f => new Uint8Array(readFileSync(dir + '/' + f))
const log = f => { const b = readFileSync(dir + '/' + f), us = []; for (let i = 0; i < b.length;) { const n = b.readUInt32LE(i); us.push(new Uint8Array(b.subarray(i + 4, i + 4 + n))); i += 4 + n } return us }
const doc = () => wasm ? new Y.YDoc() : new Y.Doc()
const drop = d => wasm ? d.free() : d.destroy()
const apply = (d, u) => wasm ? Y.applyUpdate(d, u, undefined) : Y.applyUpdate(d, u)
const applyV2 = (d, u) => wasm ? Y.applyUpdateV2(d, u, undefined) : Y.applyUpdateV2(d, u)
const listen = d => { let bytes = 0; const on = u => { bytes += u.length }; wasm ? d.onUpdate(on) : d.on('update', on) }

const samples = [], cpu = []; let bytes
// time measures call until the budget is used up, at least once; before and after are not counted.
const time = ({ before = () => {}, call, after = () => {}, most = 1000 }) => {
  const until = performance.now() + Number(budget)
  do {
    const x = before(); globalThis.gc()
    const c = process.cpuUsage(), t = performance.now(), y = call(x)
    samples.push(performance.now() - t)
    const used = process.cpuUsage(c)
    cpu.push((used.user + used.system) / 1000)
    if (y instanceof Uint8Array) bytes = y.length
    after(x, y)
  } while (performance.now() < until && samples.length < most)
}
const loaded = () => { const d = doc(); apply(d, read('b4.v1')); return d }
const cases = {
  apply: () => { const us = log(arg); time({ before: doc, call: d => { for (const u of us) apply(d, u) }, after: drop }) },
  broadcast: () => { const us = log(arg); time({ before: () => { const d = doc(); listen(d); return d }, call: d => { for (const u of us) apply(d, u) }, after: drop, most: wasm ? 1 : 1000 }) },
  loadV1: () => { const u = read(arg); time({ before: doc, call: d => apply(d, u), after: drop }) },
  loadV2: () => { const u = read(arg); time({ before: doc, call: d => applyV2(d, u), after: drop }) },
  encodeV1: () => { const d = doc(), us = log('typing.bin'); apply(d, read(arg)); let i = 0; time({ before: () => apply(d, us[i++]), call: () => Y.encodeStateAsUpdate(d), most: us.length }) },
  encodeV2: () => { const d = doc(), us = log('typing.bin'); apply(d, read(arg)); let i = 0; time({ before: () => apply(d, us[i++]), call: () => Y.encodeStateAsUpdateV2(d), most: us.length }) },
  encodeAgain: () => { const d = loaded(); Y.encodeStateAsUpdate(d); time({ call: () => Y.encodeStateAsUpdate(d) }) },
  diff: () => { const d = loaded(), sv = read('b4.sv'); time({ call: () => Y.encodeStateAsUpdate(d, sv) }) },
  diffChanged: () => { const d = loaded(), sv = read('b4.sv'), us = log('typing.bin'); let i = 0; time({ before: () => apply(d, us[i++]), call: () => Y.encodeStateAsUpdate(d, sv), most: us.length }) },
  merge: () => {
    const us = log('b4.bin').slice(0, Number(arg))
    // All at once would take Yjs a quarter of an hour: it is given a tree of 400 at a time.
    const tree = us => { while (us.length > 1) { const next = []; for (let i = 0; i < us.length; i += 400) next.push(Y.mergeUpdates(us.slice(i, i + 400))); us = next } return us[0] }
    time({ call: () => us.length > 10000 ? tree(us) : Y.mergeUpdates(us) })
  },
  heap: () => {
    const u = read('b4.v1'), n = Number(arg), keep = []
    for (let i = 0; i < 3; i++) { const d = doc(); apply(d, u); drop(d) }
    const used = () => { globalThis.gc(); globalThis.gc(); const m = process.memoryUsage(); return m.heapUsed + m.external }
    const from = used(); for (let i = 0; i < n; i++) { const d = doc(); apply(d, u); keep.push(d) }
    samples.push((used() - from) / n)
    const t = performance.now(); globalThis.gc(); bytes = Math.round((performance.now() - t) * 1000)
    if (keep.length !== n) throw new Error()
  }
}
cases[name]()
console.log(JSON.stringify({ samples, cpu, bytes }))
process.exit(0)
