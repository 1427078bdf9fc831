/**
 * Prints the `aitbc` lines of the pages that a test parses and does not run: `node scripts/pages/only-parsed.mjs`.
 * Lines of docs/tour.md and docs/tutorials/ run; a line elsewhere counts as run when its command and each of
 * its options stand in one of theirs.
 */
import { fileURLToPath } from 'node:url';
import { commandPathOf } from '@aitbc/cli/run';
import { commandsOf, readPages } from './markdown.mjs';

const runs = /^docs\/(tour|tutorials\/[\w-]+)\.md$/;
const calls = readPages(fileURLToPath(new URL('../..', import.meta.url))).flatMap(
  ({ path, text }) => commandsOf(text).map((call) => ({ ...call, path, isRun: isRun(path, call) })),
);

function isRun(path, { isBlock }) {
  return isBlock && runs.test(path);
}

/** The command and each option of a call, as words that can be looked up. */
function partsOf({ words }) {
  const command = commandPathOf(words);
  const flags = words.filter((word) => word.startsWith('--') && word !== '--json');
  return [command, ...flags.map((flag) => `${command} ${flag}`)];
}

const known = new Set(calls.filter((call) => call.isRun).flatMap(partsOf));
const isNamed = ({ words }) => commandPathOf(words) !== '' && words.length > 0;
const left = calls.filter(
  (call) => isNamed(call) && !partsOf(call).every((part) => known.has(part)),
);
for (const { path, line, words } of left) console.log(`${path}:${line} aitbc ${words.join(' ')}`);
const run = calls.filter((call) => call.isRun).length;
console.log(
  `${calls.length} lines: ${run} run, ${left.length} only parse, the rest repeat what runs`,
);
