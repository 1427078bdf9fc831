/**
 * Reads a TypeScript or JavaScript file as tokens, well enough to find its imports and the globals it
 * uses, without a compiler (TypeScript 7 has no JavaScript interface, and this runs before a build).
 *
 * The one hard question of this language is whether `/` divides or opens a regular expression. It is
 * answered from the token before: after a value it divides. A wrong answer (a regular expression right
 * after `if (…)`) costs at most the rest of one line, because neither strings nor regular
 * expressions run over a line end.
 */

/** @typedef {{ kind: 'word' | 'string' | 'number' | 'regex' | 'mark', text: string, line: number }} Token */
/** @typedef {{ specifier: string, line: number, typeOnly: boolean }} Import */

const SHAPES = [
  ['space', /\s+|\/\/[^\n]*|\/\*[\s\S]*?(?:\*\/|$)/y],
  ['string', /'(?:\\[\s\S]|[^'\\\n])*'?|"(?:\\[\s\S]|[^"\\\n])*"?/y],
  ['word', /[#@]?[\p{ID_Start}$_][\p{ID_Continue}$]*/uy],
  ['number', /\d[\w.]*/y],
  ['regex', /\/(?![*/])(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\[\n])+\/[a-z]*/y],
  ['mark', /\?\.|\.\.\.|=>|[\s\S]/y],
];
const TEMPLATE_PART = /(?:\\[\s\S]|\$(?!\{)|[^`\\$])*/y;
const WORDS_BEFORE_REGEX = new Set(
  'return typeof case in of delete void throw new else do yield await instanceof'.split(' '),
);
/** What may stand between `import` or `export` and its `from`. */
const CLAUSE_MARKS = new Set(['{', '}', ',', '*']);

/** The tokens of a source file, comments and blanks left out. */
export function tokenize(source) {
  /** @type {Token[]} */
  const tokens = [];
  const reader = { source, at: source.startsWith('#!') ? source.indexOf('\n') : 0, line: 1 };
  if (reader.at < 0) return tokens;
  /** Open braces inside each open `${`. */
  const templates = [];
  while (reader.at < source.length) {
    const char = source[reader.at];
    if (char === '`') readTemplate(reader, tokens, templates);
    else if (char === '}' && templates.at(-1) === 0) {
      templates.pop();
      readTemplate(reader, tokens, templates);
    } else {
      if (templates.length > 0) templates[templates.length - 1] += braceStep(char);
      readToken(reader, tokens);
    }
  }
  return tokens;
}

/** The static, dynamic and `require` imports of a file, as far as they name a literal. */
export function importsOf(tokens) {
  /** @type {Import[]} */
  const found = [];
  for (let at = 0; at < tokens.length; at += 1) {
    const { kind, text } = tokens[at];
    if (kind !== 'word' || isMember(tokens, at)) continue;
    let one;
    if (text === 'import') one = callAt(tokens, at) ?? clauseAt(tokens, at);
    else if (text === 'export') one = clauseAt(tokens, at);
    else if (text === 'require') one = callAt(tokens, at) ?? resolveAt(tokens, at);
    if (one) found.push(one);
  }
  return found;
}

/** Whether the token is a property (`x.name`), not a name of its own. */
export function isMember(tokens, at) {
  const before = tokens[at - 1];
  return before?.kind === 'mark' && (before.text === '.' || before.text === '?.');
}

function braceStep(char) {
  if (char === '{') return 1;
  return char === '}' ? -1 : 0;
}

function readToken(reader, tokens) {
  for (const [kind, pattern] of SHAPES) {
    if (kind === 'regex' && !regexMayFollow(tokens.at(-1))) continue;
    pattern.lastIndex = reader.at;
    const text = pattern.exec(reader.source)?.[0];
    if (text === undefined) continue;
    const value = kind === 'string' ? text.slice(1, -1) : text;
    if (kind !== 'space') tokens.push({ kind, text: value, line: reader.line });
    advance(reader, text);
    return;
  }
}

/** Reads a template from its quote, or from the end of a `${…}`, to its end or to the next `${`. */
function readTemplate(reader, tokens, templates) {
  const opens = reader.source[reader.at] === '`';
  TEMPLATE_PART.lastIndex = reader.at + 1;
  const text = TEMPLATE_PART.exec(reader.source)?.[0] ?? '';
  const end = reader.at + 1 + text.length;
  const continues = reader.source[end] === '$';
  // Only a template without any `${` is a literal that can name a module.
  const kind = opens && !continues ? 'string' : 'regex';
  if (!continues) tokens.push({ kind, text, line: reader.line });
  else if (opens) tokens.push({ kind: 'mark', text: '`', line: reader.line });
  if (continues) templates.push(0);
  advance(reader, reader.source.slice(reader.at, end + (continues ? 2 : 1)));
}

function advance(reader, text) {
  reader.at += Math.max(text.length, 1);
  for (const char of text) if (char === '\n') reader.line += 1;
}

function regexMayFollow(before) {
  if (before === undefined) return true;
  if (before.kind === 'word') return WORDS_BEFORE_REGEX.has(before.text);
  return before.kind === 'mark' && ![')', ']', '}'].includes(before.text);
}

/** `import('x')` or `require('x')`. */
function callAt(tokens, at) {
  const [bracket, name, end] = tokens.slice(at + 1, at + 4);
  if (bracket?.text !== '(' || bracket.kind !== 'mark' || name?.kind !== 'string') return undefined;
  if (end?.text !== ')' && end?.text !== ',') return undefined;
  return { specifier: name.text, line: name.line, typeOnly: false };
}

/** `require.resolve('x')`. */
function resolveAt(tokens, at) {
  if (tokens[at + 1]?.text !== '.' || tokens[at + 2]?.text !== 'resolve') return undefined;
  return callAt(tokens, at + 2);
}

/** `import 'x'`, `import … from 'x'`, `export … from 'x'`; also over several lines. */
function clauseAt(tokens, at) {
  const first = tokens[at + 1];
  const isExport = tokens[at].text === 'export';
  if (first?.kind === 'string' && !isExport) {
    return { specifier: first.text, line: first.line, typeOnly: false };
  }
  const typeOnly = first?.text === 'type' && !['from', ','].includes(tokens[at + 2]?.text);
  if (isExport && !typeOnly && !CLAUSE_MARKS.has(first?.text ?? '')) return undefined;
  const name = nameAfterFrom(tokens, at + 1);
  return name && { specifier: name.text, line: name.line, typeOnly };
}

/** The string after the `from` of a clause; undefined when something else ends the clause. */
function nameAfterFrom(tokens, start) {
  for (let at = start; at < tokens.length; at += 1) {
    // `import { 'any name' as x } from 'y'` is legal: only the string after `from` names the module.
    if (tokens[at].kind === 'string' && tokens[at - 1].text === 'from') return tokens[at];
    if (!mayStandInClause(tokens[at])) return undefined;
  }
  return undefined;
}

function mayStandInClause({ kind, text }) {
  if (kind === 'word') return text !== 'import' && text !== 'export';
  return kind === 'string' || (kind === 'mark' && CLAUSE_MARKS.has(text));
}
