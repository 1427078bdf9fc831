/**
 * The dependency rules of the repository, as a tool. Rings are folders: 0 `packages`, 1 `apps`,
 * 2 `cli` and tooling, 3 `experiments`; imports point inward. The rules themselves are in `rings/`;
 * CONTRIBUTING.md lists them for people.
 *
 *   node scripts/check-rings.mjs               check this repository
 *   node scripts/check-rings.mjs --root DIR    check another tree
 *   node scripts/check-rings.mjs --diff BASE   the rings that the work since BASE touches, and the
 *                                              review it needs
 *   … --diff BASE --post                       and tell the forge: a status and labels
 */
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { checkArrows } from './rings/arrow-rules.mjs';
import { checkContents } from './rings/content-rules.mjs';
import { checkCycles } from './rings/cycles.mjs';
import { forgeOf, postReview } from './rings/post-review.mjs';
import { reviewOf, reviewText } from './rings/review.mjs';
import { isSource, readTree } from './rings/tree.mjs';
import { ROOT } from './run-command.mjs';
import { isMain } from './setup.mjs';

/** Folders with nothing of ours in them, beside those whose name begins with a dot. */
const SKIPPED = new Set(['node_modules', 'dist', 'coverage', 'vectors']);

/** Every breach in a map of path → text, as `{ path, line, rule, what, fix }`, in order of path. */
export function checkTree(texts) {
  const tree = readTree(texts);
  const problems = [...checkArrows(tree), ...checkContents(tree), ...checkCycles(tree)];
  const key = ({ path, line }) => `${path}:${String(line).padStart(6, '0')}`;
  return problems.sort((a, b) => (key(a) < key(b) ? -1 : 1));
}

/** One problem as a line: `file:line  rule  what. Fix: …`. */
export function problemText({ path, line, rule, what, fix }) {
  return `${line > 0 ? `${path}:${line}` : path}  ${rule}  ${what}. Fix: ${fix}.`;
}

/** The source files and package.json files under a folder, as a map of path → text. */
export function readTexts(root) {
  const texts = {};
  const visit = (folder) => {
    for (const entry of readdirSync(join(root, folder), { withFileTypes: true })) {
      const path = folder === '' ? entry.name : `${folder}/${entry.name}`;
      if (isFolderOfOurs(entry)) visit(path);
      else if (entry.isFile() && isRead(entry.name)) {
        texts[path] = readFileSync(join(root, path), 'utf8');
      }
    }
  };
  visit('');
  return texts;
}

function isFolderOfOurs(entry) {
  return entry.isDirectory() && !SKIPPED.has(entry.name) && !entry.name.startsWith('.');
}

function isRead(name) {
  return name === 'package.json' || isSource(name);
}

function checkRepository(root) {
  const texts = readTexts(root);
  const problems = checkTree(texts);
  for (const problem of problems) console.log(problemText(problem));
  const files = Object.keys(texts).length;
  console.log(`rings: ${files} files, ${problems.length} problems`);
  return problems.length === 0 ? 0 : 1;
}

async function reviewChange(root, { base, isPosted }) {
  const git = (...args) => execFileSync('git', args, { cwd: root, encoding: 'utf8' });
  const start = git('merge-base', base, 'HEAD').trim();
  const changed = git('diff', '--name-only', start).split('\n').filter(Boolean);
  const review = reviewOf(changed, git('log', '--format=%B', `${start}..HEAD`));
  console.log(reviewText(review));
  if (isPosted) await postReview(review, forgeOf(process.env));
  return review.specMissing ? 1 : 0;
}

if (isMain(import.meta.url)) {
  const { values } = parseArgs({
    options: {
      root: { type: 'string', default: ROOT },
      diff: { type: 'string' },
      post: { type: 'boolean', default: false },
    },
  });
  const root = resolve(values.root);
  process.exitCode = values.diff
    ? await reviewChange(root, { base: values.diff, isPosted: values.post })
    : checkRepository(root);
}
