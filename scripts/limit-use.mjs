/**
 * Which rows of the table of limits nothing uses. A limit is used where the product reads it as a member
 * of `limits` (or of `bounds` and `protocolLimits`, the names it has where a caller may pass others), or
 * takes it out of one by a destructuring pattern.
 */
import { isProduct } from './rings/tree.mjs';

const TABLE_PATH = 'packages/protocol/src/limits.ts';
const HOLDERS = new Set(['limits', 'protocolLimits', 'bounds']);

/** Names of the limits that no file of the product reads, in the order of the table. */
export function unusedLimits(tree) {
  const names = [...tree.files.get(TABLE_PATH).text.matchAll(/^ {2}(\w+):/gm)].map((row) => row[1]);
  const files = [...tree.files.values()].filter(
    (file) => isProduct(file) && file.path !== TABLE_PATH,
  );
  const used = new Set(files.flatMap(({ tokens }) => readsIn(tokens)));
  return names.filter((name) => !used.has(name));
}

function readsIn(tokens) {
  return tokens.flatMap(({ kind, text }, at) => {
    if (kind !== 'word' || !HOLDERS.has(text)) return [];
    return tokens[at + 1]?.text === '.' ? [tokens[at + 2].text] : patternBefore(tokens, at);
  });
}

/** Names in the pattern of `{ a, b: c } = … x`, where the token at `end` is x; none without one. */
function patternBefore(tokens, end) {
  let at = end;
  while (at > 0 && tokens[at].text !== '=' && tokens[at].text !== ';') at -= 1;
  if (tokens[at].text !== '=' || tokens[at - 1]?.text !== '}') return [];
  const names = [];
  for (at -= 2; at > 0 && tokens[at].text !== '{'; at -= 1) names.push(tokens[at].text);
  return names;
}
