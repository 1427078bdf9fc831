/**
 * Cores with a fault each, to see that the explorer finds it. A fault is planted from outside, around `step` or in
 * the scheme: the core itself has no switch for it.
 */
import type { Vote, VoteKind } from '@aitbc/protocol';
import { zeroHash } from '@aitbc/protocol';
import { type Agreement, createAgreement } from '../agreement.ts';
import type { AgreementState } from '../agreement-state.ts';
import type { AgreementInput, AgreementOptions } from '../agreement-types.ts';
import { stubCertificate } from './stub-scheme.ts';

/** Makes a faulty core. */
export type Planted = (options: AgreementOptions) => Agreement;

/** A fault by its name. */
export const plantedBugs: Readonly<Record<string, Planted>> = Object.freeze({
  'forgets its nullify votes and finalizes': forgetting('nullify'),
  'nullifies the view before, which it has finalized': nullifyingBehind,
  'forgets its notarize votes and votes for a second block': forgetting('notarize'),
  'finalizes on its own finalize vote': finalizingAlone,
  'passes over views that are not nullified': passingOver,
  'forgets all its votes in a restart': (options) => createAgreement({ ...options, ownVotes: [] }),
  'forgets its certificates in a restart': (options) =>
    createAgreement({ ...options, certificates: [] }),
});

function indexOf({ validators, self }: AgreementOptions): number {
  return validators.findIndex(({ publicKey }) => publicKey === self);
}

/** Before each step its own votes of one kind vanish from its memory. */
function forgetting(kind: VoteKind): Planted {
  return (options) => {
    const core = createAgreement(options);
    const self = indexOf(options);
    const forget = (state: AgreementState): AgreementState => ({
      ...state,
      views: state.views.map((record) => {
        const votes = record[kind].votes.map((vote, at) => (at === self ? undefined : vote));
        return { ...record, [kind]: { votes, count: votes.filter(Boolean).length } };
      }),
    });
    return { ...core, step: (state, input, nowMs) => core.step(forget(state), input, nowMs) };
  };
}

/** Its timer ends the view before too, and what it finalized there is forgotten. */
function nullifyingBehind(options: AgreementOptions): Agreement {
  const core = forgetting('finalize')(options);
  return {
    ...core,
    step(state, input, nowMs) {
      const first = core.step(state, input, nowMs);
      if (input.type !== 'timer' || input.view < 2) return first;
      const view = input.view - 1;
      const second = core.step({ ...first.state, view }, { ...input, view }, nowMs);
      const effects = [...first.effects, ...second.effects];
      return { state: { ...second.state, view: first.state.view }, effects };
    },
  };
}

/** It takes its own finalize vote for a certificate. */
function finalizingAlone(options: AgreementOptions): Agreement {
  const core = createAgreement(trusting(options));
  const self = indexOf(options);
  return {
    ...core,
    step(state, input, nowMs) {
      const first = core.step(state, input, nowMs);
      const own = first.effects
        .flatMap((effect): readonly Vote[] => (effect.type === 'persist' ? effect.votes : []))
        .find(({ kind }) => kind === 'finalize');
      if (!own) return first;
      const certificate = stubCertificate(own, [self]);
      const second = core.step(first.state, { type: 'certificate', certificate }, nowMs);
      return { state: second.state, effects: [...first.effects, ...second.effects] };
    },
  };
}

/** When a proposal comes it believes that every view before was nullified. */
function passingOver(options: AgreementOptions): Agreement {
  const core = createAgreement(trusting(options));
  return {
    ...core,
    step(state, input, nowMs) {
      if (input.type !== 'vote' || input.vote.kind !== 'notarize') {
        return core.step(state, input, nowMs);
      }
      const inputs: AgreementInput[] = [];
      for (let view = state.final.view + 1; view < input.vote.view; view += 1) {
        const ballot = { kind: 'nullify', epoch: 0, view, blockHash: zeroHash } as const;
        inputs.push({ type: 'certificate', certificate: stubCertificate(ballot, []) });
      }
      let present = { state, effects: [] } as ReturnType<Agreement['step']>;
      for (const one of [...inputs, input]) {
        const next = core.step(present.state, one, nowMs);
        present = { state: next.state, effects: [...present.effects, ...next.effects] };
      }
      return present;
    },
  };
}

function trusting(options: AgreementOptions): AgreementOptions {
  return { ...options, scheme: { ...options.scheme, verifyCertificate: () => true } };
}
