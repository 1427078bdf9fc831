/** Changes the compiled rules while they are loaded. A text that is not found is an error: then this is no newer program. */
const newRule = `apply({ overlay, context, body }) {
        if (body.memo === '6275726e' && versionAt(overlay, context.height) > 1) {
            burn(overlay, body.amount);
            return applied;
        }`;

const changes = {
  '/packages/chain/dist/epoch/version.js': [
    ['export const protocolVersion = 1;', 'export const protocolVersion = 2;'],
  ],
  '/packages/chain/dist/rules/vault.js': [
    [
      'import { applied,',
      "import { versionAt } from '../epoch/version.js';\nimport { burn, applied,",
    ],
    ['apply({ overlay, body }) {', newRule],
  ],
};

/** Hook of Node. A thread of the program may register it again, so a text that is changed already stays. */
export async function load(url, context, nextLoad) {
  const loaded = await nextLoad(url, context);
  const file = Object.keys(changes).find((path) => url.endsWith(path));
  if (!file) return loaded;
  let source = Buffer.from(loaded.source).toString();
  for (const [old, changed] of changes[file]) {
    if (source.includes(changed)) continue;
    if (!source.includes(old)) throw new Error(`${file} has no "${old}" to change`);
    source = source.replace(old, changed);
  }
  return { ...loaded, source };
}
