// Usage: node gen-snapshots.mjs < histories.jsonl > snapshots.jsonl
// Needs in cwd's node_modules: yjs@13.6.x
// Each line: {seed, v1, v2}: the snapshot of the document that a line of gen-random-vectors.mjs ends in, hex.
import { createRequire } from 'module'
import { createInterface } from 'readline'
const Y = createRequire(process.cwd() + '/package.json')('yjs')
const hex = b => Buffer.from(b).toString('hex')
for await (const line of createInterface({ input: process.stdin })) {
  const { seed, full_v1 } = JSON.parse(line), d = new Y.Doc()
  Y.applyUpdate(d, Buffer.from(full_v1, 'hex'))
  const s = Y.snapshot(d)
  process.stdout.write(JSON.stringify({ seed, v1: hex(Y.encodeSnapshot(s)), v2: hex(Y.encodeSnapshotV2(s)) }) + '\n')
}
