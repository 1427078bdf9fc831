/**
 * Which error codes the tree uses, and which its tests provoke: the check behind the sentence "every
 * error code has a test that provokes it".
 *
 * Files are read as tokens, so comments and titles of tests do not count. A code is *used* when a file
 * of the product holds it as a string that is not merely compared with. It is *provoked* when a test
 * names it in an expectation: inside `expect…(…)` with its chain, inside `assert…(…)`, in the rows of
 * `.each(…)` or of a `for … of` loop, or in a constant that one of those names. A test that makes the
 * error itself (`new AppError('X')`, `refuse('X')`) proves nothing about X and does not count for it.
 *
 * What this cannot see is whether the real code path raised the error or a fake that answers plain
 * JSON; that is for the reviewer of the test.
 */
import { isProduct, isTestFile } from './rings/tree.mjs';

/** Folder of the files of the table, one for each domain. */
export const TABLE_FOLDER = 'packages/protocol/src/error-rows/';
/** Tests of the table itself; they name codes as examples. */
const TABLE_TESTS = ['packages/protocol/src/errors.test.ts', 'scripts/error-coverage.test.ts'];

const MAKERS = new Set(['AppError', 'refuse']);
const EXPECTATION = /^(?:expect|assert)/;

/** The codes of the table, in its order, read from its text. */
export function codesOf(tableText) {
  return [...tableText.matchAll(/^ {2}([A-Z][A-Z_]+): \[/gm)].map(([, code]) => code);
}

/** `{ unused, unprovoked }`: codes that no file of the product uses, codes that no test provokes. */
export function uncovered(codes, tree) {
  const known = new Set(codes);
  const used = new Set();
  const provoked = new Set();
  for (const file of tree.files.values()) {
    if (isTestFile(file.path)) {
      if (!TABLE_TESTS.includes(file.path)) addAll(provoked, provokedIn(file.tokens, known));
    } else if (isProduct(file) && !file.path.startsWith(TABLE_FOLDER))
      addAll(used, usedIn(file.tokens, known));
  }
  return {
    unused: codes.filter((code) => !used.has(code)),
    unprovoked: codes.filter((code) => !provoked.has(code)),
  };
}

function usedIn(tokens, known) {
  return tokens
    .filter(({ kind, text }, at) => kind === 'string' && known.has(text) && !isCompared(tokens, at))
    .map(({ text }) => text);
}

/** `=== 'X'`, `!== 'X'` and `case 'X'` look at a code that somebody else raised. */
function isCompared(tokens, at) {
  const [before, last] = [tokens[at - 2]?.text, tokens[at - 1]?.text];
  return last === 'case' || (last === '=' && before === '=');
}

/** The codes that a test file provokes. */
export function provokedIn(tokens, known) {
  const constants = constantsOf(tokens);
  const made = new Set();
  const named = new Set();
  const seen = new Set();
  const look = ({ from, to }) => {
    for (let at = from; at < Math.min(to, tokens.length); at += 1) {
      const { kind, text } = tokens[at];
      if (kind === 'word' && constants.has(text) && !seen.has(text)) {
        seen.add(text);
        for (const span of constants.get(text)) look(span);
      }
      if (kind === 'string' || kind === 'regex') addAll(named, wordsIn(text, known));
    }
  };
  for (const span of expectationsOf(tokens)) look(span);
  for (let at = 2; at < tokens.length; at += 1) if (isMade(tokens, at)) made.add(tokens[at].text);
  return [...named].filter((code) => !made.has(code));
}

function isMade(tokens, at) {
  return tokens[at - 1].text === '(' && MAKERS.has(tokens[at - 2].text);
}

function wordsIn(text, known) {
  return (text.match(/[A-Z][A-Z_]+/g) ?? []).filter((word) => known.has(word));
}

/** Spans of tokens that say what must come out. */
function expectationsOf(tokens) {
  const spans = [];
  for (let at = 0; at < tokens.length; at += 1) {
    const { kind, text } = tokens[at];
    if (kind !== 'word') continue;
    if (EXPECTATION.test(text)) spans.push({ from: at, to: endOfChain(tokens, at + 1) });
    if (text === 'each' || isLoop(tokens, at)) {
      const open = nextOf(tokens, '(', at);
      spans.push({ from: open, to: endOfBracket(tokens, open) });
    }
  }
  return spans;
}

function isLoop(tokens, at) {
  return tokens[at].text === 'for' && tokens[at + 1]?.text === '(';
}

/** Name → spans of the values of `const name = …;`. */
function constantsOf(tokens) {
  const constants = new Map();
  for (let at = 0; at < tokens.length; at += 1) {
    if (tokens[at].text !== 'const' || tokens[at + 1]?.kind !== 'word') continue;
    const from = at + 2;
    const span = { from, to: endOfStatement(tokens, from) };
    const name = tokens[at + 1].text;
    constants.set(name, [...(constants.get(name) ?? []), span]);
  }
  return constants;
}

/** The token behind `(…).name(…)`, the calls and members that follow a word. */
function endOfChain(tokens, start) {
  let at = start;
  while (at < tokens.length) {
    const { kind, text } = tokens[at];
    if (kind === 'mark' && text === '(') at = endOfBracket(tokens, at);
    else if (kind === 'mark' && (text === '.' || text === '?.')) at += 2;
    else break;
  }
  return at;
}

function endOfBracket(tokens, open) {
  return endWhere(tokens, open, (depth) => depth === 0) + 1;
}

function endOfStatement(tokens, start) {
  return endWhere(tokens, start, (depth, text) => depth < 0 || (depth === 0 && text === ';'));
}

/** The first mark from `start` on where `ends(depth of brackets, text)` holds. */
function endWhere(tokens, start, ends) {
  let depth = 0;
  for (let at = start; at < tokens.length; at += 1) {
    const { kind, text } = tokens[at];
    if (kind !== 'mark') continue;
    if ('([{'.includes(text)) depth += 1;
    if (')]}'.includes(text)) depth -= 1;
    if (ends(depth, text)) return at;
  }
  return tokens.length;
}

function nextOf(tokens, text, start) {
  let at = start;
  while (at < tokens.length && tokens[at].text !== text) at += 1;
  return at;
}

function addAll(set, items) {
  for (const item of items) set.add(item);
}
