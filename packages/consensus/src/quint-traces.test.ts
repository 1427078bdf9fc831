/**
 * Traces of the Quint model on real cores: vectors/quint-traces.json, written by `node scripts/model/quint.mjs --traces 48`.
 *
 * Compared is the sound direction. A core acts at once where the model may wait (it answers a notarization it sees by
 * `finalize` and an epoch's last block by proposing it again), so the cores go their own way through the model and
 * the state of the trace is only what they are steered by. After each step of a core:
 *   - every vote it signed, every view it entered and every certificate it holds is allowed by the rules of the
 *     model, in the state that the votes of the cores make;
 *   - it takes every certificate that this state has, and takes no signed message for forged;
 *   - it commits only what is final in that state, and all of it once it has seen all certificates.
 * How much of the traces the cores follow is counted, so that a replay that does nothing fails. The rules are those
 * of src/testing/quint-rules.ts: each action of each trace must be allowed by them too, so they are not stricter
 * than the model where the traces go; that they are not laxer is only read, not checked.
 */
import { readFileSync } from 'node:fs';
import type { VoteKind } from '@aitbc/protocol';
import { describe, expect, it } from 'vitest';
import { type Agreement, createAgreement } from './agreement.ts';
import type { AgreementInput, AgreementOptions } from './agreement-types.ts';
import { kindOf } from './ballots.ts';
import { plantedBugs } from './testing/planted-bugs.ts';
import { type Replay, replayTrace, type Trace } from './testing/quint-replay.ts';
import { finalChainOf, type ModelVote } from './testing/quint-rules.ts';

const file = new URL('../vectors/quint-traces.json', import.meta.url);
const { traces } = JSON.parse(readFileSync(file, 'utf8')) as { readonly traces: readonly Trace[] };

const voteKinds: readonly VoteKind[] = ['notarize', 'nullify', 'finalize'];

/** Percent; less when votes come one by one, as others' nullify votes and finality then come before a vote. */
const leastFollowed = Object.freeze({ notarize: 90, nullify: 85, finalize: 75 });

/** Faults that need a restart to show are not for these traces. */
const faults = [
  ...Object.entries(plantedBugs).filter(([name]) => !name.includes('restart')),
  ['does not take nullifications', deafToNullifications] as const,
];

function isIn(votes: readonly ModelVote[], vote: ModelVote): boolean {
  return votes.some(
    ({ kind, by, view, block }) =>
      kind === vote.kind && by === vote.by && view === vote.view && block === vote.block,
  );
}

/** A core that does not hear of views that were given up. */
function deafToNullifications(options: AgreementOptions): Agreement {
  const core = createAgreement(options);
  const isDeafTo = (input: AgreementInput) =>
    input.type === 'certificate' && kindOf(input.certificate) === 'nullify';
  return {
    ...core,
    step: (state, input, nowMs) =>
      isDeafTo(input) ? { state, effects: [] } : core.step(state, input, nowMs),
  };
}

/** Votes of the traces that the cores signed too, in percent. */
function followed(replays: readonly Replay[], kind: VoteKind): number {
  const wanted = replays.flatMap(({ spec, model }) =>
    spec.votes.filter((vote) => vote.kind === kind).map((vote) => isIn(model.votes, vote)),
  );
  return (100 * wanted.filter(Boolean).length) / wanted.length;
}

describe.each([
  ['when certificates come late', false],
  ['when votes come one by one and finality at once', true],
])('traces of the model on real cores, %s', (_, prompt) => {
  const replays = traces.map((trace) => replayTrace(trace, { prompt }));

  it('lead to nothing that the model forbids', () => {
    expect(traces.length).toBeGreaterThan(40);
    expect(replays.flatMap(({ problems }) => problems)).toEqual([]);
  });

  it('are followed for the most part', () => {
    for (const kind of voteKinds) {
      expect(followed(replays, kind), kind).toBeGreaterThan(leastFollowed[kind]);
    }
    const certificates = replays.reduce((sum, one) => sum + one.certificates, 0);
    expect(certificates).toBeGreaterThan(10 * traces.length);
  });

  it('make blocks final that are on one chain with those of the trace', () => {
    const pairs = replays.map(({ spec, model }) => [finalChainOf(spec), finalChainOf(model)]);
    for (const [wanted = [], had = []] of pairs) {
      const shared = Math.min(wanted.length, had.length);
      expect(had.slice(0, shared)).toEqual(wanted.slice(0, shared));
    }
    const reached = pairs.filter(([wanted, had]) => wanted?.length && had?.length);
    expect(reached.length).toBeGreaterThan(traces.length / 2);
  });
});

describe('traces of the model on a faulty core', () => {
  it.each(faults)('find one that %s', (_, create) => {
    const broken = traces.some((trace) =>
      [false, true].some((prompt) => replayTrace(trace, { prompt, create }).problems.length > 0),
    );
    expect(broken).toBe(true);
  });
});
