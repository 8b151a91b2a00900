// Usage: node gen-histories.mjs <count> <seed0> > histories.jsonl
// Needs in cwd's node_modules: yjs@13.6.x lib0@0.2.x
// Each line is the history of a few random editors and what Yjs makes of it; the last line is {done, skipped}. Bytes are hex.
//
//   seed, clients
//   updates, updates_v2      every update that was made, in some causal order; both formats, by the same index
//   order, half              a shuffled delivery with duplicates, as indices; the "half" states are after so many of them
//   merged, merged_v2        mergeUpdates of all; merged_part of part (indices)
//   full_v1, full_v2, sv, snapshot_v1, snapshot_v2     gc on
//   kept_v1, kept_v2, kept_snapshot_v1                 gc off; nothing if Yjs got stuck
//   half_sv, half_v1, half_v2, half_waits              _v1 and _v2 are empty if updates are pending
//   diff_v1, diff_v2         from half_sv to the end, by encodeStateAsUpdate
//   diffed, diffed_v2        the same by diffUpdate of merged: no document
//   merged_sv                encodeStateVectorFromUpdate(merged)
//   ways                     on about one history in 500 Yjs leaves structs apart, or not, depending on how updates came: full_v1 is then that of
//                            "as listed", and ways those of {order, merged, loaded, diffed, part}; kept_ways likewise
//   meta                     parseUpdateMeta(merged_part): {client: [from, to]}
//   expect                   text, delta, map, array, xml, sv, as the roots of those names read; odd, and the delta of markup
//
// What is under "text", "map", "array" and "xml" can be read without knowing the kind of a root; everything that Yjs allows besides lies under
// "odd" and "markup". Surrogate pairs are never cut: Yjs itself diverges then.
import { createRequire } from 'module'
const require = createRequire(process.cwd() + '/package.json')
const Y = require('yjs'); const prng = require('lib0/prng')
const [count, seed0] = [Number(process.argv[2] || 5), Number(process.argv[3] || 1)]
const hex = b => Buffer.from(b).toString('hex')
const STR = ['a', 'bc', 'é', '漢字', '😀', '👩‍👩‍👧', '\n', 'xyz ', 'ß', 'a longer run of plain words', 'mixed é漢😀 run', '\u0000', '\ufeff']
const NAME = ['p', 'q', '', 'é', '0', '10', '__x', 'a rather long key']

const gen = seed => {
  const g = prng.create(seed)
  const int = (a, b) => prng.int32(g, a, b), one = a => a[int(0, a.length - 1)], chance = n => int(1, n) === 1
  const n = int(2, 4)
  const ids = Array.from({ length: n }, (_, i) => one([i + 1, prng.uint32(g, 0, 0x3fffffff) * 4 + i, 2 ** 52 + prng.uint32(g, 0, 0xffffffff) * 4 + i]))
  const docs = ids.map(id => { const d = new Y.Doc({ gc: !chance(3) }); d.clientID = id; return d })
  const log = [], inbox = docs.map(() => [])
  docs.forEach((d, from) => {
    d.on('update', (v1, origin) => { if (origin !== 'remote') { log.push({ v1 }); inbox.forEach((b, to) => { if (to !== from) b.push(log.length - 1) }) } })
    d.on('updateV2', (v2, origin) => { if (origin !== 'remote') log[log.length - 1].v2 = v2 })
  })
  const roots = d => ({ text: d.getText('text'), map: d.getMap('map'), array: d.getArray('array'), xml: d.getXmlFragment('xml'), odd: d.getArray('odd'), markup: d.get('markup', Y.XmlText) })
  docs.forEach(roots)
  const undo = docs.map(d => chance(2) ? new Y.UndoManager(Object.values(roots(d)), { captureTimeout: chance(2) ? 0 : 500 }) : null)

  // units is one UTF-16 unit for each index of a text: embeds count as one.
  const units = t => { let s = ''; for (let i = t._start; i !== null; i = i.right) if (!i.deleted && i.countable) s += i.content instanceof Y.ContentString ? i.content.str : '\u0001'.repeat(i.length); return s }
  const place = (u, i) => { const c = u.charCodeAt(i); return i > 0 && c >= 0xDC00 && c <= 0xDFFF ? i - 1 : i }
  const range = (t, most) => { const u = units(t), a = place(u, int(0, u.length)), b = place(u, Math.min(u.length, a + int(1, most))); return [a, b - a] }
  const format = () => ({ [one(['b', 'i', 'color', ''])]: one([true, null, 'red', { c: 1 }, 0]) })
  const value = depth => {
    switch (int(0, depth > 2 ? 12 : 15)) {
      case 0: return int(-70, 300); case 1: return one(STR); case 2: return null; case 3: return chance(2); case 4: return one([1.5, 0.1, -0, 2 ** 31, 2 ** 53, -(2 ** 31) - 1, 1e300, 5e-324])
      case 5: return one([NaN, Infinity, -Infinity]); case 6: return int(0, 1e9); case 7: return ''; case 8: case 9: return one(STR).repeat(int(1, 3)); case 10: case 11: return int(-3, 3)
      case 12: return one([BigInt(int(-9, 9)), 2n ** 62n])
      case 13: return Array.from({ length: int(0, 3) }, () => value(depth + 1))
      default: { const o = {}; for (let i = int(0, 3); i > 0; i--) o[one(NAME)] = chance(6) ? undefined : chance(6) ? new Uint8Array([1, 255]) : value(depth + 1); return o }
    }
  }
  const boxed = v => typeof v === 'bigint' ? [v] : v // Y.Array takes no bare ones
  const element = () => chance(6) ? new Uint8Array(Array.from({ length: int(0, 4) }, () => int(0, 255))) : boxed(value(0))
  const text = () => { const t = new Y.Text(); if (chance(3)) t.insert(0, one(STR), chance(2) ? { b: true } : undefined); return t }
  const subdoc = () => new Y.Doc({ guid: 'guid-' + int(0, 99), autoLoad: chance(3), gc: !chance(3), meta: chance(2) ? value(1) : null })
  const node = free => {
    if (chance(3)) { const t = new Y.XmlText(); t.insert(0, one(STR), free && chance(2) ? { b: true } : undefined); return t }
    if (free && chance(5)) return new Y.XmlHook('hook')
    const el = new Y.XmlElement(one(['p', 'h1', 'BlockQuote']))
    if (chance(2)) el.insert(0, [new Y.XmlText(one(STR))])
    if (chance(2)) el.setAttribute('id', String(int(0, 99)))
    return el
  }
  const nested = free => {
    switch (int(0, free ? 6 : 2)) {
      case 0: return chance(2) ? Y.Array.from([1, 'x']) : new Y.Array()
      case 1: return chance(2) ? new Y.Map([['in', value(1)], ['on', true]]) : new Y.Map()
      case 2: return text()
      case 3: return new Y.XmlFragment()
      default: return node(true)
    }
  }
  // alive lists the types that can be edited; free is whether anything goes there.
  const alive = d => {
    const all = [], visit = (t, free) => {
      all.push([t, free])
      for (let i = t._start; i !== null; i = i.right) if (!i.deleted && i.content.type) visit(i.content.type, free)
      for (const i of t._map.values()) if (!i.deleted && i.content.type) visit(i.content.type, free)
    }
    for (const [name, t] of Object.entries(roots(d))) visit(t, name === 'odd' || name === 'markup')
    return all
  }
  const editText = (t, free) => {
    const xml = t instanceof Y.XmlText, u = units(t), at = place(u, int(0, u.length))
    switch (int(0, xml && !free ? 5 : free ? 12 : 10)) {
      case 0: case 1: case 2: return t.insert(at, one(STR))
      case 3: return t.insert(u.length, one(['a', 'b']))
      case 4: case 5: { const [a, len] = range(t, 4); if (len > 0) t.delete(a, len); return }
      case 6: return t.insert(at, one(STR), format())
      case 7: case 8: { const [a, len] = range(t, 6); if (len > 0) t.format(a, len, format()); return }
      case 9: return t.insertEmbed(at, one([{ image: 'u' }, { '2': 1, '1': [true, null] }, 'mark', 7]), chance(2) ? format() : {})
      case 10: { const [a, len] = range(t, 3), d = [{ insert: one(STR), attributes: format() }]; if (a > 0) d.unshift(chance(2) ? { retain: a } : { retain: a, attributes: format() }); if (len > 0) d.push({ delete: len }); return t.applyDelta(d, { sanitize: false }) }
      case 11: return t.setAttribute(one(NAME), chance(4) ? nested(true) : value(0))
      case 12: return t.insertEmbed(at, nested(true))
    }
  }
  const legacy = (d, a) => { // content that Yjs 13 still reads, but writes no more
    Y.transact(d, tr => {
      let left = null
      for (let i = a._start; i !== null; i = i.right) left = i
      new Y.Item(Y.createID(d.clientID, Y.getState(d.store, d.clientID)), left, left && left.lastId, null, null, a, null, new Y.ContentJSON([1, 'two', null, { three: [3] }].slice(0, int(1, 4)))).integrate(tr, 0)
    })
  }
  const editArray = (d, a, free) => {
    switch (int(0, 7)) {
      case 0: case 1: case 2: return a.insert(int(0, a.length), Array.from({ length: int(1, 3) }, element))
      case 3: return a.push([int(0, 9)])
      case 4: case 5: { if (a.length) { const p = int(0, a.length - 1); a.delete(p, int(1, Math.min(3, a.length - p))) } return }
      case 6: return a.insert(int(0, a.length), [chance(4) ? subdoc() : nested(free)])
      case 7: return chance(3) ? legacy(d, a) : a.insert(0, [null, true])
    }
  }
  const editMap = (m, free) => {
    switch (int(0, 6)) {
      case 0: case 1: case 2: return m.set(one(NAME), chance(8) ? undefined : element())
      case 3: return m.set(one(NAME), chance(5) ? subdoc() : nested(free))
      case 4: case 5: return m.delete(one(NAME))
      case 6: return chance(4) ? m.clear() : m.set('p', int(0, 9))
    }
  }
  const editXml = (x, free) => {
    const el = x instanceof Y.XmlElement, k = int(0, el ? 6 : 3)
    if (k <= 1) return x.insert(el ? int(0, x.length) : int(0, x.length), [!el && !free ? new Y.XmlElement(one(['p', 'H2'])) : node(free)])
    if (k === 2) { if (x.length) x.delete(int(0, x.length - 1), 1); return }
    if (k === 3) { const c = node(free); return x.insert(0, [!el && !free && c instanceof Y.XmlText ? new Y.XmlElement('div') : c]) }
    if (k === 4) return x.removeAttribute(one(['id', 'class']))
    return x.setAttribute(one(['id', 'class']), free && chance(3) ? value(1) : one(['x', '1', 'é']))
  }
  const edit = d => {
    const [t, free] = chance(2) ? one(alive(d)) : one(Object.entries(roots(d)).map(([name, t]) => [t, name === 'odd' || name === 'markup']))
    if (t instanceof Y.Text) editText(t, free)
    else if (t instanceof Y.Array) editArray(d, t, free)
    else if (t instanceof Y.Map) editMap(t, free)
    else editXml(t, free)
  }
  const receive = (i, most) => {
    const box = inbox[i]
    for (let k = int(1, most); k > 0 && box.length > 0; k--) {
      const at = chance(4) ? int(0, box.length - 1) : 0 // mostly in order
      const take = chance(6) ? box.splice(at, int(2, 5)) : box.splice(at, 1)
      if (take.length > 1) { chance(2) ? Y.applyUpdate(docs[i], Y.mergeUpdates(take.map(j => log[j].v1)), 'remote') : Y.applyUpdateV2(docs[i], Y.mergeUpdatesV2(take.map(j => log[j].v2)), 'remote') }
      else chance(3) ? Y.applyUpdateV2(docs[i], log[take[0]].v2, 'remote') : Y.applyUpdate(docs[i], log[take[0]].v1, 'remote')
      if (chance(12)) Y.applyUpdate(docs[i], log[take[0]].v1, 'remote')
    }
  }
  for (let k = int(8, 50); k > 0; k--) {
    const i = int(0, n - 1), d = docs[i]
    if (undo[i] !== null && chance(6)) { if (chance(3)) undo[i].redo(); else undo[i].undo() }
    else if (chance(5)) Y.transact(d, () => { for (let m = int(2, 5); m > 0; m--) edit(d) })
    else edit(d)
    if (chance(3)) receive(int(0, n - 1), 6)
    if (chance(25)) { const j = int(0, n - 1); Y.applyUpdate(d, Y.encodeStateAsUpdate(docs[j], Y.encodeStateVector(d)), 'remote') }
  }
  for (let r = 0; r < 50 && inbox.some(b => b.length > 0); r++) docs.forEach((_, i) => receive(i, 1000))
  if (log.length === 0) docs[0].getText('text').insert(0, 'x')

  const v1s = log.map(e => e.v1), v2s = log.map(e => e.v2), all = v1s.map((_, i) => i)
  const waits = d => d.store.pendingStructs !== null || d.store.pendingDs !== null || tidied.has(d)
  // A document that is given updates may delete marks of its own accord: Yjs tidies up formatting after what others wrote. Such a state has more in
  // it than the updates, and nothing to compare.
  const tidied = new Set()
  const play = (gc, us) => { const d = new Y.Doc({ gc }); d.clientID = 0; d.on('afterTransaction', tr => { if (tr.local && tr.deleteSet.clients.size > 0) tidied.add(d) }); us.forEach(u => Y.applyUpdate(d, u)); return d }
  const order = all.concat(all.filter(() => chance(8)))
  for (let i = order.length - 1; i > 0; i--) { const j = int(0, i);[order[i], order[j]] = [order[j], order[i]] }
  const half = int(0, order.length), part = all.filter(() => !chance(3))
  const fin = play(true, v1s), kept = play(false, v1s), mid = play(true, order.slice(0, half).map(i => v1s[i]))
  if (waits(fin)) return { stuck: true }
  const merged = Y.mergeUpdates(v1s), mergedV2 = Y.mergeUpdatesV2(v2s), halfSV = Y.encodeStateVector(mid), snap = Y.snapshot(fin), keptSnap = Y.snapshot(kept)
  const out = {
    seed, clients: ids, updates: v1s.map(hex), updates_v2: v2s.map(hex), order, half,
    merged: hex(merged), merged_v2: hex(mergedV2), part, merged_part: part.length > 0 ? hex(Y.mergeUpdates(part.map(i => v1s[i]))) : '',
    full_v1: hex(Y.encodeStateAsUpdate(fin)), full_v2: hex(Y.encodeStateAsUpdateV2(fin)), snapshot_v1: hex(Y.encodeSnapshot(snap)), snapshot_v2: hex(Y.encodeSnapshotV2(snap)),
    kept_v1: waits(kept) ? '' : hex(Y.encodeStateAsUpdate(kept)), kept_v2: waits(kept) ? '' : hex(Y.encodeStateAsUpdateV2(kept)), kept_snapshot_v1: waits(kept) ? '' : hex(Y.encodeSnapshot(keptSnap)),
    half_sv: hex(halfSV), half_waits: waits(mid), half_v1: waits(mid) ? '' : hex(Y.encodeStateAsUpdate(mid)), half_v2: waits(mid) ? '' : hex(Y.encodeStateAsUpdateV2(mid)),
    diff_v1: hex(Y.encodeStateAsUpdate(fin, halfSV)), diff_v2: hex(Y.encodeStateAsUpdateV2(fin, halfSV)), diffed: hex(Y.diffUpdate(merged, halfSV)), diffed_v2: hex(Y.diffUpdateV2(mergedV2, halfSV)),
    merged_sv: hex(Y.encodeStateVectorFromUpdate(merged)), kept_snapshot_v2: waits(kept) ? '' : hex(Y.encodeSnapshotV2(keptSnap))
  }
  if (out.merged_part !== '') { const m = Y.parseUpdateMeta(Buffer.from(out.merged_part, 'hex')); out.meta = Object.fromEntries([...m.from].map(([c, from]) => [c, [from, m.to.get(c)]])) }
  const state = d => hex(Y.encodeStateAsUpdate(d)), loaded = play(true, [Buffer.from(out.full_v1, 'hex')]), ordered = play(true, order.map(i => v1s[i]))
  Y.applyUpdate(mid, Buffer.from(out.diff_v1, 'hex'))
  const told = d => waits(d) ? '' : state(d)
  const ways = { order: told(ordered), merged: told(play(true, [merged])), loaded: told(loaded), diffed: told(mid),
    part: told(play(true, [...(out.merged_part === '' ? [] : [Buffer.from(out.merged_part, 'hex')]), ...order.map(i => v1s[i])])) }
  if (Object.values(ways).some(w => w !== '' && w !== out.full_v1)) out.ways = ways
  if (out.kept_v1 !== '') {
    const keptWays = { order: told(play(false, order.map(i => v1s[i]))), loaded: told(play(false, [Buffer.from(out.kept_v1, 'hex')])) }
    if (Object.values(keptWays).some(w => w !== '' && w !== out.kept_v1)) out.kept_ways = keptWays
  }
  // json is what the exports promise for what JSON cannot say. Keys of objects keep their order only within Yjs; the comparison ignores it.
  const json = v => {
    if (v instanceof Y.XmlText || v instanceof Y.XmlElement || v instanceof Y.XmlFragment) return v.toString()
    if (v instanceof Y.Text) return v.toString()
    if (v instanceof Y.Array) return v.toArray().map(json)
    if (v instanceof Y.Map) return Object.fromEntries([...v.entries()].filter(([, x]) => x !== undefined).map(([k, x]) => [k, json(x)]))
    if (v instanceof Y.Doc) return { guid: v.guid }
    if (v instanceof Uint8Array) return Buffer.from(v).toString('base64')
    if (Array.isArray(v)) return v.map(json)
    if (typeof v === 'bigint') return Number(v)
    if (v === undefined || (typeof v === 'number' && !Number.isFinite(v))) return null
    if (v !== null && typeof v === 'object') return Object.fromEntries(Object.entries(v).filter(([, x]) => x !== undefined).map(([k, x]) => [k, json(x)]))
    return v
  }
  const r = roots(fin), delta = t => t.toDelta().map(d => ({ ...d, insert: json(d.insert) }))
  out.expect = { text: r.text.toString(), delta: delta(r.text), map: json(r.map), array: json(r.array), xml: r.xml.toString(), odd: json(r.odd), markup: delta(r.markup), sv: hex(Y.encodeStateVector(fin)) }
  return out
}

const write = line => new Promise(done => process.stdout.write(JSON.stringify(line) + '\n', () => done()))
let skipped = 0
for (let seed = seed0, made = 0; made < count; seed++) {
  const h = gen(seed)
  if (h.stuck) { skipped++; await write({ skipped: seed }); made++; continue }
  await write(h); made++
}
await write({ done: true, skipped })
process.exit(0)
