/**
 * Random traces of the Quint model as short lists of actions, for the replay on real cores in
 * packages/consensus/src/quint-traces.test.ts. `node scripts/model/quint.mjs --traces N` calls this.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ROOT, runInForeground } from '../run-command.mjs';

const TARGET = 'packages/consensus/vectors/quint-traces.json';
const VIEWS = 4;
/** One liar each; with `last` 1 the last block of an epoch is proposed again. */
const SCOPES = [
  { liar: 1, last: 2 },
  { liar: 2, last: 2 },
  { liar: 3, last: 2 },
  { liar: 2, last: 1 },
];
/** What a trace must reach: nothing, a final block, a final block beside a nullified view. */
const GOALS = [undefined, 'nothingFinal', 'nothingFinalAfterNullify'];
/** Kinds of votes and the variables that hold them. */
const VOTES = { notarize: 'notarizes', nullify: 'nullifies', finalize: 'finalizes' };
/** Bounds of one search. */
const STEPS = 60;
const SAMPLES = 5000;

/** Writes `count` traces; the same count gives the same file. */
export async function writeTraces({ quint, model, version, count }) {
  const folder = mkdtempSync(join(tmpdir(), 'quint-traces-'));
  try {
    const file = join(folder, 'traces.qnt');
    const text = readFileSync(join(ROOT, model), 'utf8');
    writeFileSync(file, [text, ...SCOPES.map(moduleOf)].join('\n'));
    const lines = [];
    for (let seed = 1; seed <= count; seed += 1) {
      const number = seed % SCOPES.length;
      const goal = GOALS[Math.floor(seed / SCOPES.length) % GOALS.length];
      const steps = await traceOf({ quint, file, folder, number, goal, seed });
      lines.push(JSON.stringify({ ...SCOPES[number], steps }));
      console.log(`trace ${seed} of ${count}: ${steps.length} actions`);
    }
    const head = `"model": ${JSON.stringify(model)},\n"quint": ${JSON.stringify(version)},`;
    writeFileSync(join(ROOT, TARGET), `{${head}\n"traces": [\n${lines.join(',\n')}\n]}\n`);
  } finally {
    rmSync(folder, { recursive: true });
  }
  return 0;
}

function moduleOf({ liar, last }, number) {
  const constants = `LIARS = Set(${liar}), ALWAYS = true, VIEWS = ${VIEWS}, LAST = ${last}`;
  return `module traces${number} { import simplex(${constants}).* }`;
}

async function traceOf({ quint, file, folder, number, goal, seed }) {
  await runInForeground(
    quint,
    [
      'run',
      file,
      `--main=traces${number}`,
      ...(goal ? [`--invariant=${goal}`] : []),
      `--max-steps=${STEPS}`,
      `--max-samples=${goal ? SAMPLES : 1}`,
      `--seed=${seed}`,
      '--backend=typescript',
      '--verbosity=0',
      `--out-itf=${join(folder, 'out.itf.json')}`,
    ],
    { cwd: ROOT },
  );
  const name = readdirSync(folder).find((one) => one.endsWith('.itf.json'));
  if (!name) throw new Error(`Quint wrote no trace for seed ${seed}`);
  const { states } = JSON.parse(readFileSync(join(folder, name), 'utf8'));
  rmSync(join(folder, name));
  return stepsOf(states.map(plainState));
}

/** The variables of a state without module names, each as strings that can be compared. */
function plainState(state) {
  const plain = {};
  for (const [name, value] of Object.entries(state)) {
    plain[name.split('::').at(-1)] = numbersIn(value);
  }
  return plain;
}

function numbersIn(value) {
  if (value?.['#bigint'] !== undefined) return Number(value['#bigint']);
  if (value?.['#map']) return new Map(value['#map'].map((pair) => pair.map(numbersIn)));
  if (value?.['#set']) return value['#set'].map(numbersIn);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, numbersIn(one)]));
}

/**
 * Each action from what it changed: ["propose", by, view, parent], ["lie", view, parent], ["notarize" | "nullify" |
 * "finalize", by, view, block], ["enter", by, view]. Blocks are numbered in the order in which they are made.
 */
function stepsOf(states) {
  return states.slice(1).map((after, at) => stepOf(states[at], after));
}

function stepOf(before, after) {
  const cast = Object.entries(VOTES).flatMap(([kind, name]) =>
    added(before[name], after[name]).map(({ by, view, block }) => [kind, by, view, block]),
  );
  const made = after.blocks.get(before.blocks.size);
  if (made) {
    const [vote] = cast;
    return vote ? ['propose', vote[1], vote[2], made.parent] : ['lie', made.view, made.parent];
  }
  if (cast.length === 1) return cast[0];
  const [entry] = [...after.view].filter(([by, view]) => before.view.get(by) !== view);
  if (!entry || cast.length > 0) throw new Error('a step of the model that is no action');
  return ['enter', ...entry];
}

function added(before, after) {
  const known = new Set(before.map((vote) => JSON.stringify(vote)));
  return after.filter((vote) => !known.has(JSON.stringify(vote)));
}
