// Random editing sessions as Yjs plays them. Usage: node gen-edits.mjs <count> <seed0> > sessions.jsonl
// Needs in cwd's node_modules: yjs@13.6.x lib0@0.2.x
//
// Each line: {seed, ids, keep, steps, end}. ids are the clients' ids, keep says whose document keeps what is deleted.
// A step happens at client c: either its own edits [target, name, ...args] in one transaction, or an update that
// reaches it (apply). update is what Yjs then emitted (null: nothing changed), events what its deep observers saw.
// Some applied updates are Yjs's own cleaning up after a step before: the same client's, and without events.
// end is what each client's document says when all have everything.
import { createRequire } from 'module'
import { writeSync } from 'fs'
const require = createRequire(process.cwd() + '/package.json')
const Y = require('yjs'); const prng = require('lib0/prng')
const [count, seed0] = [Number(process.argv[2] || 5), Number(process.argv[3] || 1)]
const hex = b => Buffer.from(b).toString('hex')
const STR = ['a', 'bc', 'é', '漢字', '😀', '👩‍👩‍👧', '\n', 'xyz ', 'typing along']
// Where Yjs cleans up, an object is only equal to itself: not to one that came in an update, nor to another one that
// says the same. This package goes by what they say. So objects occur where one client edits alone, each once.
const LINKS = [{ href: 'x' }, { href: 'y', n: 1 }, null]
const snap = (t, i) => { const c = t.toString().charCodeAt(i); return c >= 0xDC00 && c <= 0xDFFF ? i - 1 : i }

// Plain text with embeds as one unit each, to find surrogate pairs in.
const units = t => t.toDelta().map(op => typeof op.insert === 'string' ? op.insert : '\x00').join('')

const make = v => {
  if (Array.isArray(v)) return v.map(make)
  if (v === null || typeof v !== 'object') return v
  switch (v.$) {
    case undefined: return Object.fromEntries(Object.entries(v).map(([k, w]) => [k, make(w)]))
    case 'undefined': return undefined
    case 'bytes': return Uint8Array.from(Buffer.from(v.v, 'hex'))
    case 'bigint': return BigInt(v.v)
    case 'text': return new Y.Text(v.v)
    case 'array': return Y.Array.from(v.v.map(make))
    case 'map': return new Y.Map(Object.entries(v.v).map(([k, w]) => [k, make(w)]))
    case 'xmltext': return new Y.XmlText(v.v)
    case 'fragment': { const f = new Y.XmlFragment(); f.insert(0, v.c.map(make)); return f }
    case 'element': { const e = new Y.XmlElement(v.n); for (const k in v.a) e.setAttribute(k, make(v.a[k])); e.insert(0, v.c.map(make)); return e }
    case 'doc': return new Y.Doc({ guid: v.g, ...v.o })
  }
  throw new Error(v.$)
}
// The way back: types by kind and content, so that both sides can print it.
const show = v => {
  if (v === undefined) return { $: 'undefined' }
  if (typeof v === 'bigint') return { $: 'bigint', v: String(v) }
  if (v instanceof Uint8Array) return { $: 'bytes', v: hex(v) }
  if (v instanceof Y.Doc) return { $: 'doc', g: v.guid }
  if (v instanceof Y.AbstractType) return { $: v.constructor.name.replace(/^_/, '') }
  if (Array.isArray(v)) return v.map(show)
  if (v && typeof v === 'object') return Object.fromEntries(Object.entries(v).map(([k, w]) => [k, show(w)]))
  return v
}
const json = v => JSON.stringify(v, (_, w) => w instanceof Uint8Array ? Buffer.from(w).toString('base64') : typeof w === 'bigint' ? Number(w) : w)
const sorted = v => v instanceof Uint8Array ? v : v instanceof Y.Doc ? { guid: v.guid } : Array.isArray(v) ? v.map(sorted) : v && typeof v === 'object' ? Object.fromEntries(Object.keys(v).sort().map(k => [k, sorted(v[k])])) : v

const roots = { text: 'getText', array: 'getArray', map: 'getMap', xml: 'getXmlFragment' }
const resolve = (d, target) => target.slice(1).reduce((t, p) => t.get(p), d[roots[target[0]]](target[0]))
const play = (d, [target, name, ...a]) => {
  const t = resolve(d, target)
  switch (name) {
    case 'insert': return t.insert(a[0], a[1])
    case 'insertWith': return t.insert(a[0], a[1], { ...a[2] })
    case 'embed': return t.insertEmbed(a[0], make(a[1]), { ...a[2] })
    case 'delete': return t.delete(a[0], a[1])
    case 'format': return t.format(a[0], a[1], { ...a[2] })
    case 'delta': return t.applyDelta(a[0].map(op => ({ ...op, ...(op.insert && typeof op.insert === 'object' ? { insert: make(op.insert) } : {}) })))
    case 'values': return t.insert(a[0], a[1].map(make))
    case 'push': return t.push(a[0].map(make))
    case 'set': return t.set(a[0], make(a[1]))
    case 'unset': return t.delete(a[0])
    case 'attr': return t.setAttribute(a[0], make(a[1]))
    case 'unattr': return t.removeAttribute(a[0])
  }
  throw new Error(name)
}

for (let s = seed0; s < seed0 + count; s++) {
  const g = prng.create(s), int = (a, b) => prng.int32(g, a, b), one = l => prng.oneOf(g, l), n = int(1, 3)
  const ids = Array.from({ length: n }, (_, i) => prng.bool(g) ? i + 1 : prng.uint32(g, 1, 0xffffffff))
  const keep = ids.map(() => int(0, 4) === 0), rich = int(0, 3) > 0, steps = [], all = []
  let now = null // the step that runs
  const docs = ids.map((id, c) => {
    const d = new Y.Doc({ gc: !keep[c] }); d.clientID = id
    for (const r in roots) {
      d[roots[r]](r).observeDeep(events => events.forEach(e => {
        if (!now || e.transaction !== now.transaction) return
        now.step.events.push({ path: [r, ...e.path], delta: show(e.changes.delta), keys: Object.fromEntries([...e.changes.keys].map(([k, v]) => [k, { action: v.action, old: show(v.oldValue) }])) })
      }))
    }
    d.on('beforeObserverCalls', tr => { if (now && !now.transaction) now.transaction = tr })
    d.on('update', (u, origin, _, tr) => {
      if (now && now.transaction === tr) now.step.update = hex(u)
      else steps.push({ c, apply: hex(u), cleaning: true })
      if (origin !== 'remote') all.push({ from: c, u })
    })
    return d
  })
  const run = (c, step, f) => {
    step = { c, ...step, update: null, events: [] }
    steps.push(step)
    now = { step, transaction: null }; f(); now = null
  }
  const seen = docs.map(() => 0)
  const sync = c => { while (seen[c] < all.length) { const e = all[seen[c]++]; if (e.from !== c) run(c, { apply: hex(e.u) }, () => Y.applyUpdate(docs[c], e.u, 'remote')) } }

  const attrs = () => { const all = {}; for (const k of ['b', 'i', 'link']) if (int(0, 2) === 0) all[k] = k === 'link' ? one(n === 1 ? LINKS : ['x', 'y', null]) : one([true, true, null, 1, 'red']); return all }
  const scalar = () => one([1, 'v', null, true, 1.5, 0.1, -7, 2 ** 31, 1e21, 1e-7, [1, 'z', []], { k: 2, l: { m: [] } }, '"<&>\u2028\b', { $: 'bytes', v: 'ff00' }])
  const node = depth => int(0, 2) === 0 || depth === 0 ? { $: 'xmltext', v: one(STR) } : { $: 'element', n: one(['p', 'H1']), a: int(0, 1) ? { id: String(int(0, 9)), n: one([1, true, null, 'x"y']) } : {}, c: Array.from({ length: int(0, 2) }, () => node(depth - 1)) }
  const value = () => one([scalar, scalar, scalar, () => ({ $: 'text', v: one(STR) }), () => ({ $: 'array', v: [scalar(), { $: 'text', v: 'in' }] }), () => ({ $: 'map', v: { k: scalar(), m: { $: 'map', v: {} } } }), () => node(2), () => ({ $: 'doc', g: 'guid' + int(0, 99), o: one([{}, { autoLoad: true }, { gc: false, meta: { a: 1 } }]) })])()
  const spot = t => snap({ toString: () => units(t) }, int(0, t.length))
  const range = t => { const p = spot(t), e = snap({ toString: () => units(t) }, Math.min(t.length, p + int(1, 6))); return [p, Math.max(0, e - p)] }
  const textEdit = (t, target) => {
    switch (int(0, rich ? 9 : 4)) {
      case 0: case 1: case 2: return [target, 'insert', spot(t), one(STR)]
      case 3: case 4: case 5: { const [p, l] = range(t); return l ? [target, 'delete', p, l] : null }
      case 6: return [target, 'insertWith', spot(t), one(STR), attrs()]
      case 7: { const [p, l] = range(t); return l ? [target, 'format', p, l, attrs()] : null }
      case 8: return [target, 'embed', spot(t), one([{ img: 'u' }, { img: 'v', w: 1.5 }, { $: 'map', v: { in: 1 } }]), attrs()]
      case 9: {
        const delta = [], all = units(t); let at = 0
        while (int(0, 3) > 0) {
          const e = snap({ toString: () => all }, Math.min(all.length, at + int(1, 5)))
          switch (int(0, 2)) {
            case 0: delta.push(int(0, 3) ? { insert: one(STR), attributes: attrs() } : { insert: { img: 'd' } }); break
            case 1: if (e > at) { delta.push({ retain: e - at, ...(int(0, 1) ? { attributes: attrs() } : {}) }); at = e } break
            case 2: if (e > at) { delta.push({ delete: e - at }); at = e } break
          }
        }
        if (int(0, 9) === 0) delta.push({ retain: all.length - at + 2, attributes: { b: true } })
        return delta.length ? [target, 'delta', delta] : null
      }
    }
  }
  const arrayEdit = (t, target) => {
    switch (int(0, 3)) {
      case 0: return [target, 'values', int(0, t.length), Array.from({ length: int(1, 3) }, value)]
      case 1: return [target, 'push', [value(), value()]]
      default: { const p = int(0, t.length), l = Math.min(t.length - p, int(1, 3)); return l ? [target, 'delete', p, l] : null }
    }
  }
  const edit = (t, target) => { // any edit of t, or of something in it
    if (t instanceof Y.XmlText || t instanceof Y.Text) return int(0, 12) === 0 ? [target, 'attr', one(['p', 'q']), scalar()] : textEdit(t, target)
    if (t instanceof Y.XmlFragment) {
      const inner = t.length && int(0, 1) ? int(0, t.length - 1) : -1
      if (inner >= 0) return edit(t.get(inner), [...target, inner])
      if (t instanceof Y.XmlElement && int(0, 1)) return int(0, 1) ? [target, 'attr', one(['id', 'class']), one(['x', 'y', 3])] : [target, 'unattr', one(['id', 'class'])]
      if (int(0, 2) && t.length) { const p = int(0, t.length - 1); return [target, 'delete', p, 1] }
      return [target, 'values', int(0, t.length), Array.from({ length: int(1, 2) }, () => node(2))]
    }
    if (t instanceof Y.Array) {
      const i = t.length ? int(0, t.length - 1) : 0, inner = t.length && t.get(i)
      return inner instanceof Y.AbstractType && int(0, 1) ? edit(inner, [...target, i]) : arrayEdit(t, target)
    }
    if (t instanceof Y.Map) {
      const k = one(['p', 'q', '', 'k']), inner = t.get(k)
      if (inner instanceof Y.AbstractType && int(0, 2)) return edit(inner, [...target, k])
      return int(0, 3) ? [target, 'set', k, int(0, 9) ? value() : one([{ $: 'undefined' }, { $: 'bigint', v: '-7' }])] : [target, 'unset', k]
    }
    return null
  }
  for (let k = int(10, 60); k > 0; k--) {
    const c = int(0, n - 1), d = docs[c], edits = []
    run(c, { edits }, () => d.transact(() => {
      for (let m = int(0, 3) ? 1 : int(2, 4); m > 0; m--) {
        const root = one(['text', 'text', 'text', 'array', 'map', 'xml']), e = edit(d[roots[root]](root), [root])
        if (e) { edits.push(JSON.parse(JSON.stringify(e))); play(d, e) }
      }
    }))
    if (n > 1 && int(0, 3) === 0) sync(int(0, n - 1))
  }
  for (let r = 0; r < 20; r++) { const before = all.length; docs.forEach((_, c) => sync(c)); if (all.length === before) break }
  const end = docs.map(d => ({ full: hex(Y.encodeStateAsUpdate(d)), text: d.getText('text').toString(), delta: show(d.getText('text').toDelta()), array: json(sorted(d.getArray('array').toJSON())), map: json(sorted(d.getMap('map').toJSON())), xml: d.getXmlFragment('xml').toString() }))
  writeSync(1, JSON.stringify({ seed: s, ids, keep, steps, end }) + '\n')
}
process.exit(0)
