/** Decoders that no package exports: from the build here, from source in tests. */
const root = new URL('../../', import.meta.url);
const places = {
  envelope: ['packages/bus', 'core/envelope'],
  record: ['apps/node', 'storage/journal/record'],
  segment: ['apps/node', 'storage/journal/segment'],
  mark: ['apps/node', 'storage/journal/mark'],
  inspect: ['apps/node', 'storage/journal/inspect'],
  frames: ['apps/node', 'mesh/link/frames'],
};

/** Loads them; `kind` is `dist` or `src`. */
export async function loadInternals(kind) {
  const ending = kind === 'src' ? 'ts' : 'js';
  const loaded = Object.entries(places).map(async ([name, [owner, path]]) => [
    name,
    await import(new URL(`${owner}/${kind}/${path}.${ending}`, root).href),
  ]);
  return Object.fromEntries(await Promise.all(loaded));
}
