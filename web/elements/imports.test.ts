import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'

const root = new URL('../', import.meta.url)

/** The modules of the elements, the pages and the service worker, each with the modules it imports by a relative path. */
function imports(): ReadonlyMap<string, readonly string[]> {
  const graph = new Map<string, readonly string[]>()
  for (const folder of ['elements', 'app', 'sw']) {
    for (const name of readdirSync(new URL(folder, root), { recursive: true, encoding: 'utf8' })) {
      if (!name.endsWith('.ts') || name.endsWith('.test.ts') || name.includes('node_modules')) continue
      const file = new URL(`${folder}/${name}`, root)
      const found = readFileSync(file, 'utf8').matchAll(/(?:from|import)\s*\(?\s*'(\.[^']+\.ts)'/gu)
      graph.set(file.pathname, [...found].map(([, path = '']) => new URL(path, file).pathname))
    }
  }
  return graph
}

test('every relative import leads to a file', () => {
  for (const [file, paths] of imports()) expect(paths.filter((p) => !existsSync(p)), file).toEqual([])
})

test('no module imports itself by way of others', () => {
  const graph = imports()
  expect(graph.size).toBeGreaterThan(40)
  const done = new Set<string>()
  const cycles: string[] = []
  const visit = (file: string, trail: readonly string[]): void => {
    if (trail.includes(file)) cycles.push([...trail.slice(trail.indexOf(file)), file].map((p) => p.slice(root.pathname.length)).join(' → '))
    else if (!done.has(file)) for (const next of graph.get(file) ?? []) visit(next, [...trail, file])
    done.add(file)
  }
  for (const file of graph.keys()) visit(file, [])
  expect(cycles).toEqual([])
})
