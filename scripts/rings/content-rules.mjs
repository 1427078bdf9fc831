/**
 * Rules about what stands in a file or folder: the pure packages touch nothing outside their
 * arguments (that is what makes the simulator possible), some packages also run in browsers, and
 * files and folders stay small enough to be read.
 */
import { posix } from 'node:path';
import { isMember } from './scan.mjs';
import { isBuiltin, isTestFile, ringOf } from './tree.mjs';

const PURE = /^packages\/(chain|consensus|replica|market)\//;
const BROWSER = /^packages\/(primitives|protocol|sdk|market)\//;
const NODE_FOLDER = /\/node\//;

const FOLDER_FILES_MAX = 15;
const FILE_LINES_MAX = 400;

/** Names that are a clock, a timer, randomness, the network or the environment wherever they stand. */
const OUTSIDE_NAMES = new Set(
  'Date performance setTimeout setInterval setImmediate WebSocket XMLHttpRequest globalThis'.split(
    ' ',
  ),
);
/** Members that make an otherwise harmless name an outside one. */
const OUTSIDE_MEMBERS = {
  Math: ['random'],
  crypto: ['getRandomValues', 'randomUUID', 'subtle'],
};

/** Every breach of the rules on contents. */
export function checkContents(tree) {
  const problems = [];
  for (const file of tree.files.values()) {
    if (!file.isTest) problems.push(...checkNodeFree(file), ...checkPure(file));
    problems.push(...checkLength(file));
  }
  return [...problems, ...checkFolders(tree)];
}

function checkNodeFree(file) {
  const pure = PURE.test(file.path);
  if (!pure && (!BROWSER.test(file.path) || NODE_FOLDER.test(file.path))) return [];
  return file.imports
    .filter(({ specifier }) => isBuiltin(specifier))
    .map(({ specifier, line }) => ({
      path: file.path,
      line,
      rule: pure ? 'pure-package' : 'browser-package',
      what: `"${specifier}" is a part of Node`,
      fix: pure ? 'take what it gives as an argument' : 'move the file into a node/ folder',
    }));
}

function checkPure(file) {
  if (!PURE.test(file.path)) return [];
  const problems = [];
  for (let at = 0; at < file.tokens.length; at += 1) {
    const name = outsideName(file.tokens, at);
    if (name === undefined) continue;
    problems.push({
      path: file.path,
      line: file.tokens[at].line,
      rule: 'pure-package',
      what: `${name} reaches outside: this package has no clock, network, disk, environment or randomness`,
      fix: 'take the value as an argument',
    });
  }
  return problems;
}

/** The outside thing that a token names, undefined when it names none. */
function outsideName(tokens, at) {
  const { kind, text } = tokens[at];
  if (kind !== 'word' || isMember(tokens, at)) return undefined;
  const [next, member] = [tokens[at + 1]?.text, tokens[at + 2]?.text];
  // `{ Date: … }` and `{ setTimeout?: … }` are keys of someone's own record.
  if (OUTSIDE_NAMES.has(text)) return isKey(tokens, at) ? undefined : text;
  if (next === '.' && OUTSIDE_MEMBERS[text]?.includes(member)) return `${text}.${member}`;
  if (text === 'process') return next === '.' || next === '[' ? text : undefined;
  return text === 'fetch' && next === '(' && !isOwnFunction(tokens, at) ? text : undefined;
}

function isKey(tokens, at) {
  if (!startsMember(tokens, at)) return false;
  const [next, after] = [tokens[at + 1]?.text, tokens[at + 2]?.text];
  return next === ':' || (next === '?' && after === ':');
}

function startsMember(tokens, at) {
  return ['{', ',', ';', 'readonly'].includes(tokens[at - 1]?.text);
}

/** `function fetch(…)`, a method `fetch(…) {` or its type `fetch(…): …`: the package's own name. */
function isOwnFunction(tokens, at) {
  if (tokens[at - 1]?.text === 'function') return true;
  const after = afterBrackets(tokens, at + 1)?.text;
  return after === '{' || (after === ':' && startsMember(tokens, at));
}

/** The token behind the bracket that closes the one at `open`. */
function afterBrackets(tokens, open) {
  let depth = 0;
  for (let at = open; at < tokens.length; at += 1) {
    if (tokens[at].kind !== 'mark') continue;
    if (tokens[at].text === '(') depth += 1;
    if (tokens[at].text === ')') depth -= 1;
    if (depth === 0) return tokens[at + 1];
  }
  return undefined;
}

function checkLength(file) {
  const lines = file.text.trimEnd().split('\n').length;
  if (lines <= FILE_LINES_MAX || ringOf(file.path) === 3) return [];
  return [
    {
      path: file.path,
      line: FILE_LINES_MAX + 1,
      rule: 'file-too-long',
      what: `${lines} lines, the most is ${FILE_LINES_MAX}`,
      fix: 'split it where its subject changes',
    },
  ];
}

function checkFolders(tree) {
  const counts = new Map();
  for (const { path } of tree.files.values()) {
    if (isTestFile(path) || ringOf(path) === 3) continue;
    const folder = posix.dirname(path);
    counts.set(folder, (counts.get(folder) ?? 0) + 1);
  }
  return [...counts]
    .filter(([, count]) => count > FOLDER_FILES_MAX)
    .map(([folder, count]) => ({
      path: folder,
      line: 0,
      rule: 'folder-too-full',
      what: `${count} source files, the most is ${FOLDER_FILES_MAX} (tests not counted)`,
      fix: 'group files of one subject in a folder',
    }));
}
