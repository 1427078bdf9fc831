/**
 * What a Markdown page promises: its links, its headings, the files it names and the `aitbc` lines it shows. Tests hold
 * these against the repository. It reads the Markdown that stands here, not all of CommonMark: fences of three
 * back-ticks, headings with `#`, inline links.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const SKIPPED = new Set(['node_modules', 'dist', 'coverage', 'vectors', '.git']);
/** Top folders whose files pages name in back-ticks. */
const TOP = 'apps|cli|deploy|docs|experiments|packages|scripts|skills|test';
/** Blocks in these languages are programs, not lines to type. */
const PROGRAMS = new Set(['ts', 'js', 'json', 'toml', 'python']);

/** All Markdown files, `llms.txt` among them, below a folder as `{ path, text }`, in order of path. */
export function readPages(root) {
  const pages = [];
  const visit = (folder) => {
    for (const entry of readdirSync(join(root, folder), { withFileTypes: true })) {
      const path = folder === '' ? entry.name : `${folder}/${entry.name}`;
      if (entry.isDirectory() && !SKIPPED.has(entry.name)) visit(path);
      else if (entry.isFile() && /(\.md|^llms\.txt)$/.test(entry.name)) {
        pages.push({ path, text: readFileSync(join(root, path), 'utf8') });
      }
    }
  };
  visit('');
  return pages.sort((a, b) => (a.path < b.path ? -1 : 1));
}

/** Lines of a page as `{ text, line, fence }`; `fence` is undefined outside blocks, else the word behind the back-ticks. */
function linesOf(text) {
  let fence;
  const lines = [];
  for (const [at, line] of text.split('\n').entries()) {
    const [, info] = /^\s*```(.*)$/.exec(line) ?? [];
    if (info === undefined) lines.push({ text: line, line: at + 1, fence });
    else fence = fence === undefined ? info.trim() : undefined;
  }
  return lines;
}

/** Targets of inline links and images, as `{ target, line }`. */
export function linksOf(text) {
  return linesOf(text)
    .filter(({ fence }) => fence === undefined)
    .flatMap(({ text: line, line: number }) =>
      [...line.replace(/`[^`]*`/g, '').matchAll(/\]\(([^)\s]+)[^)]*\)/g)].map(([, target]) => ({
        target,
        line: number,
      })),
    );
}

/** Anchors of the headings, as forges make them. */
export function anchorsOf(text) {
  const counts = new Map();
  const anchors = new Set();
  for (const { text: line, fence } of linesOf(text)) {
    const [, heading] = fence === undefined ? (/^#{1,6}\s+(.*?)\s*#*$/.exec(line) ?? []) : [];
    if (heading === undefined) continue;
    const slug = slugOf(heading);
    const count = counts.get(slug) ?? 0;
    counts.set(slug, count + 1);
    anchors.add(count === 0 ? slug : `${slug}-${count}`);
  }
  return anchors;
}

/** The anchor of one heading. */
export function slugOf(heading) {
  return heading
    .replace(/!?\[([^\]]*)\]\([^)]*\)/g, '$1')
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\p{M}_\- ]/gu, '')
    .replaceAll(' ', '-');
}

/**
 * Files and folders that a page names in back-ticks or runs with `node` or `sh`, as `{ name, line }`; those with blanks
 * or marks for a choice are left out.
 */
export function filesNamedIn(text) {
  const named = new RegExp(`\`((?:${TOP})/[\\w./-]+)\``, 'g');
  const run = new RegExp(`(?:^|[\\s\`])(?:node|sh) ((?:${TOP})/[\\w./-]+)`, 'g');
  return linesOf(text).flatMap(({ text: line, line: number, fence }) => {
    const found = [...(fence === undefined ? line.matchAll(named) : []), ...line.matchAll(run)];
    return found.map(([, name]) => ({ name, line: number }));
  });
}

/** Scripts of package.json that a page runs with `npm run`, as `{ name, line }`. */
export function npmScriptsIn(text) {
  return linesOf(text).flatMap(({ text: line, line: number }) =>
    [...line.matchAll(/\bnpm run ([\w:-]+)/g)].map(([, name]) => ({ name, line: number })),
  );
}

/** Every `aitbc …` of a page, as `{ words, line, isBlock }`: words as a shell would split them, without what comes after a pipe. */
export function commandsOf(text) {
  return linesOf(text).flatMap(({ text: line, line: number, fence }) => {
    if (fence !== undefined && PROGRAMS.has(fence)) return [];
    const calls = fence === undefined ? inlineCalls(line) : blockCalls(line);
    return calls.map((call) => ({
      words: wordsOf(call),
      line: number,
      isBlock: fence !== undefined,
    }));
  });
}

function inlineCalls(line) {
  return [...line.matchAll(/`(?:npx )?aitbc( [^`]+)?`/g)].map(([, call]) => call ?? '');
}

/** The call of a line in a block: after a prompt, a pipe, `$(` or `<(`. */
function blockCalls(line) {
  const [, call] = /(?:^|\| |[$<]\()(?:npx )?aitbc( .*)$/.exec(line) ?? [];
  if (call === undefined) return [];
  return [call.replace(/\s+#.*$/, '').replace(/\s{2,}\S.*$/, '')];
}

function wordsOf(call) {
  const words = [];
  for (const [word] of call.matchAll(/(?:"[^"]*"|'[^']*'|[^\s"'])+/g)) {
    if (['|', '>', '>>', '&', '&&', ';'].includes(word)) break;
    words.push(word.replace(/["']/g, ''));
  }
  const last = words.at(-1);
  if (last?.endsWith(')') && !last.includes('(')) words[words.length - 1] = last.slice(0, -1);
  return words;
}
