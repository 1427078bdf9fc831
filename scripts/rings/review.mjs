/**
 * Which review a change needs, from the paths it touches: the strictest of its rings. Ring 0 holds
 * money and agreement, so it is read by a person and its law (docs/spec) changes with it, or a commit
 * says why it does not have to.
 */
import { ringOf } from './tree.mjs';

const REVIEWS = [
  'Ring 0: manual review, and a change in docs/spec/ or a commit line `Spec: none, because …`',
  'Ring 1: automatic when all tests are green; read the cautions',
  'Ring 2: automatic when lint and types are green',
  'Ring 3: free',
];
const SPEC = 'docs/spec/';
const SPEC_LINE = /^\s*Spec: none, because \S/m;

/** Places outside Ring 0 where a green test run is not the whole story. */
const CAUTIONS = [
  [/\/migrations\//, 'stored data: forward only, never edit a released migration'],
  [/\/store[^/]*\.ts$/, 'SQL: the store suite must pass on every database'],
  [/^apps\/wallet\//, 'keys: nothing secret may reach a log, an error or an answer'],
  [/\/routes[^/]*\.ts$/, 'public interface: endpoint table, client and docs change together'],
  [/\/(admit|verify|settle|claim)-[^/]*\.ts$/, 'money: name the test that would lose a coin'],
  [/\/config\.ts$/, 'settings: a renamed key breaks running installations'],
  [/^(package|package-lock)\.json$|\/package\.json$/, 'dependencies: give a reason, try `npm ci`'],
  [/^tsconfig[^/]*\.json$|^biome\.json$/, 'a rule for everyone: say which and why'],
];

/** The ring of a changed path; docs are free except the spec, which is Ring 0's law. */
function ringOfChange(path) {
  if (path.startsWith(SPEC)) return 0;
  if (path.startsWith('docs/') || /^[^/]+\.md$/.test(path)) return 3;
  return ringOf(path);
}

/**
 * Judges changed paths and the texts of their commits. Answers `{ rings, strictest, cautions,
 * specMissing }`; `rings` is a list of `{ ring, review, paths }`, strictest first.
 */
export function reviewOf(paths, messages) {
  const byRing = REVIEWS.map((review, ring) => ({
    ring,
    review,
    paths: paths.filter((path) => ringOfChange(path) === ring),
  }));
  const rings = byRing.filter((entry) => entry.paths.length > 0);
  const cautions = [];
  for (const path of paths) {
    if (ringOfChange(path) === 0) continue;
    for (const [pattern, note] of CAUTIONS) if (pattern.test(path)) cautions.push({ path, note });
  }
  const lawChanged = paths.some((path) => path.startsWith(SPEC));
  const specMissing = byRing[0].paths.length > 0 && !lawChanged && !SPEC_LINE.test(messages);
  return { rings, strictest: rings[0], cautions, specMissing };
}

/** A review as lines for people. */
export function reviewText({ rings, strictest, cautions, specMissing }) {
  if (strictest === undefined) return 'No file changed: no review needed.';
  const lines = [];
  for (const { ring, paths } of rings) {
    lines.push(`Ring ${ring}: ${paths.length} files`, ...paths.map((path) => `  ${path}`));
  }
  if (cautions.length > 0) lines.push('cautions:');
  for (const { path, note } of cautions) lines.push(`  ${path}: ${note}`);
  lines.push(`review needed: ${strictest.review}`);
  if (specMissing) {
    lines.push('missing: nothing in docs/spec/ changed and no commit says `Spec: none, because …`');
  }
  return lines.join('\n');
}
