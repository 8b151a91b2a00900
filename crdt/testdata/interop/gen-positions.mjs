// Usage: node gen-positions.mjs <count> <seed0> > positions.jsonl
// Needs in cwd's node_modules: yjs@13.6.x lib0@0.2.x
// Each line: {seed, states: [{update: hex v1, keep, made: [[root | [client, clock], index, assoc, hex, json]], resolved: [[hex] | [hex, root | [client, clock], index]]}]}
// Each state is the document a few steps later, loaded once dropping what is deleted and once keeping it. made are positions of Yjs at every index of every
// type that is there; resolved is where Yjs finds every unit that exists in the end (as item and as type), and all positions made in earlier states.
import { createRequire } from 'module'
import { writeSync } from 'fs'
const require = createRequire(process.cwd() + '/package.json')
const Y = require('yjs'); const prng = require('lib0/prng')
const [count, seed0] = [Number(process.argv[2] || 5), Number(process.argv[3] || 1)]
const hex = b => Buffer.from(b).toString('hex')
const STR = ['a', 'bc', 'é', '漢字', '😀', 'hello']
const snap = (t, i) => { const c = t.toString().charCodeAt(i); return c >= 0xDC00 && c <= 0xDFFF ? i - 1 : i } // edits never cut a pair; positions may stand in one
const name = (doc, type) => {
  if (type._item !== null) return [type._item.id.client, type._item.id.clock]
  for (const [k, t] of doc.share) if (t === type) return k
}
const types = doc => { // every type that is not deleted
  const out = [], visit = t => {
    out.push(t)
    for (let i = t._start; i !== null; i = i.right) if (!i.deleted && i.content.type) visit(i.content.type)
    for (const i of t._map.values()) if (!i.deleted && i.content.type) visit(i.content.type)
  }
  for (const t of doc.share.values()) visit(t)
  return out
}
for (let s = seed0; s < seed0 + count; s++) {
  const g = prng.create(s)
  const docs = [0, 1].map(i => { const d = new Y.Doc({ gc: false }); d.clientID = prng.bool(g) ? i + 1 : prng.uint32(g, 1, 0xffffffff); return d })
  const sync = () => docs.forEach((d, i) => Y.applyUpdate(docs[1 - i], Y.encodeStateAsUpdate(d, Y.encodeStateVector(docs[1 - i]))))
  const step = d => {
    const t = d.getText('text'), a = d.getArray('array'), x = d.getXmlFragment('xml'), m = d.getMap('map')
    switch (prng.int32(g, 0, 8)) {
      case 0: case 1: case 2: t.insert(snap(t, prng.int32(g, 0, t.length)), prng.oneOf(g, STR)); break
      case 3: if (t.length) { const p = snap(t, prng.int32(g, 0, t.length - 1)), e = snap(t, Math.min(t.length, p + prng.int32(g, 1, 3))); if (e > p) t.delete(p, e - p) } break
      case 4: if (t.length) { const p = snap(t, prng.int32(g, 0, t.length - 1)), e = snap(t, Math.min(t.length, p + 2)); if (e > p) t.format(p, e - p, { b: prng.bool(g) || null }) } break
      case 5: a.insert(prng.int32(g, 0, a.length), [1, 'two', 3]); break
      case 6: if (a.length) a.delete(prng.int32(g, 0, a.length - 1), 1); break
      case 7: { const el = new Y.XmlElement('p'); el.insert(0, [new Y.XmlText(prng.oneOf(g, STR))]); x.insert(prng.int32(g, 0, x.length), [el]); m.set('k', prng.bool(g) ? Y.Array.from([1, 2]) : 'v'); break }
      case 8: if (x.length > 1) x.delete(prng.int32(g, 0, x.length - 1), 1); m.delete('k'); break
    }
  }
  const updates = []
  for (let k = 0; k < 4; k++) {
    for (let i = prng.int32(g, 3, 6); i > 0; i--) step(docs[prng.int32(g, 0, 1)])
    sync(); updates.push(Y.encodeStateAsUpdate(docs[0]))
  }
  const units = []
  for (const [client, clock] of Y.decodeStateVector(Y.encodeStateVector(docs[0]))) {
    for (let c = 0; c <= clock; c++) {
      const id = Y.createID(client, c)
      units.push(new Y.RelativePosition(null, null, id, 0), new Y.RelativePosition(null, null, id, -1), new Y.RelativePosition(id, null, null, 0), new Y.RelativePosition(id, null, null, -1))
    }
  }
  const states = [], earlier = []
  for (const update of updates) for (const keep of [false, true]) {
    const d = new Y.Doc({ gc: !keep }); Y.applyUpdate(d, update)
    const made = [], resolved = []
    for (const p of units.concat(earlier)) {
      const at = Y.createAbsolutePositionFromRelativePosition(p, d)
      resolved.push(at === null ? [hex(Y.encodeRelativePosition(p))] : [hex(Y.encodeRelativePosition(p)), name(d, at.type), at.index])
    }
    for (const t of types(d)) for (let i = 0; i <= t._length; i++) for (const assoc of [0, -1]) {
      const p = Y.createRelativePositionFromTypeIndex(t, i, assoc)
      made.push([name(d, t), i, assoc, hex(Y.encodeRelativePosition(p)), JSON.stringify(Y.relativePositionToJSON(p))])
      if (keep && p.item === null) earlier.push(p)
    }
    states.push({ update: hex(update), keep, made, resolved })
  }
  writeSync(1, JSON.stringify({ seed: s, states }) + '\n')
}
process.exit(0)
