// Usage: node gen-operations.mjs < histories.jsonl > operations.jsonl
// Needs in cwd's node_modules: yjs@13.6.x lib0@0.2.x
// Each line: {seed, updates, merged, merged_v2, sv, diff, diff_v2, state, meta}. updates (V1, hex) are some of a line of
// gen-random-vectors.mjs and states of documents that applied some of them, so that they overlap, have missing ranges, and hold the
// same content in different structs. merged* is their merge, diff* the part of it that a peer with the state vector sv lacks, state the
// state vector of the merge, meta its [client, from, to].
import { createRequire } from 'module'
import { createInterface } from 'readline'
const require = createRequire(process.cwd() + '/package.json')
const Y = require('yjs'), prng = require('lib0/prng')
const hex = b => Buffer.from(b).toString('hex')
for await (const line of createInterface({ input: process.stdin })) {
  const { seed, updates, clients, half_sv } = JSON.parse(line), g = prng.create(seed)
  const us = updates.map(u => Buffer.from(u, 'hex')), some = us.filter(() => prng.int32(g, 0, 2) > 0)
  const states = Array.from({ length: prng.int32(g, 1, 3) }, () => {
    const d = new Y.Doc({ gc: prng.bool(g) })
    us.forEach(u => prng.int32(g, 0, 5) > 0 && Y.applyUpdate(d, u))
    return Y.encodeStateAsUpdate(d, prng.bool(g) ? undefined : Y.encodeStateVector(new Map([[clients[0], prng.int32(g, 0, 9)]])))
  })
  const all = states.concat(some)
  for (let i = all.length - 1; i > 0; i--) { const j = prng.int32(g, 0, i);[all[i], all[j]] = [all[j], all[i]] }
  // Where one update holds a GC and another an item, Yjs takes this or that, as its order of the two is no order: it depends on
  // how often it has sorted. No answer for others to match, so the line is left out.
  const shape = new Map()
  const unsure = all.some(u => Y.decodeUpdate(u).structs.some(({ id, constructor: c }) => {
    const at = id.client + ':' + id.clock, gc = c === Y.GC
    if (c === Y.Skip) return false
    if (!shape.has(at)) shape.set(at, gc)
    return shape.get(at) !== gc
  }))
  if (unsure) continue
  const merged = Y.mergeUpdates(all), v2 = Y.mergeUpdatesV2(all.map(Y.convertUpdateFormatV1ToV2)), sv = Buffer.from(half_sv, 'hex')
  const { from, to } = Y.parseUpdateMeta(merged), v2Meta = Y.parseUpdateMetaV2(v2)
  const meta = m => JSON.stringify([[...m.from], [...m.to]])
  const state = hex(Y.encodeStateVectorFromUpdate(merged))
  if (meta({ from, to }) !== meta(v2Meta) || state !== hex(Y.encodeStateVectorFromUpdateV2(v2))) throw new Error('V1 and V2 differ: ' + seed)
  process.stdout.write(JSON.stringify({
    seed, updates: all.map(hex), merged: hex(merged), merged_v2: hex(v2), sv: half_sv, diff: hex(Y.diffUpdate(merged, sv)),
    diff_v2: hex(Y.diffUpdateV2(v2, sv)), state, meta: [...from].map(([c, f]) => [c, f, to.get(c)])
  }) + '\n')
}
