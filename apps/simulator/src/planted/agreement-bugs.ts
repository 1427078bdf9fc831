/**
 * Faults planted around the real core, one for each habit that agreement rests on. A simulator that does
 * not find them would not find the real ones either. Each says which invariant must break.
 */
import type { AgreementEffect, Scheme } from '@aitbc/consensus';
import { quorumOf, type Vote, voteKinds, zeroHash } from '@aitbc/protocol';
import type { Epoch } from '../agreement/epochs.ts';
import type { Disks, JournalRecord } from '../agreement/life.ts';
import {
  type CreateAgreement,
  restarting,
  signedRows,
  type Tampered,
  tampering,
} from './tampering.ts';

/** A planted fault: what is wrapped. */
export interface AgreementBug {
  readonly what: string;
  readonly createAgreement?: (real: CreateAgreement) => CreateAgreement;
  readonly scheme?: (real: Scheme, epoch: Epoch) => Scheme;
  readonly waitsForDisk?: boolean;
  readonly checksRanges?: boolean;
  readonly afterCrash?: (disks: Disks) => void;
}

const noBug: AgreementBug = { what: 'nothing is planted' };

const bugs: Readonly<Record<string, AgreementBug>> = {
  forgetsOwnVotes: {
    what: 'votes again after a restart as if it had not voted',
    createAgreement: restarting((options) => ({ ...options, ownVotes: [] })),
  },
  votesBeforeSync: {
    what: 'sends votes before the disk has them',
    waitsForDisk: false,
  },
  shortCertificate: {
    what: 'takes certificates that lack one voter',
    scheme: (real, epoch) => ({
      ...real,
      verifyCertificate: (certificate) =>
        votersOf(real, certificate).size >= fewestVoters(epoch) - 1,
    }),
  },
  duplicateVoters: {
    what: 'counts a voter of a certificate as often as it is listed',
    scheme: (real, epoch) => ({
      ...real,
      verifyCertificate: (certificate) =>
        signedRows(real, certificate, kindOf(certificate.kind)).length >= fewestVoters(epoch),
    }),
  },
  believesForgedVotes: {
    what: 'does not check the signatures of votes',
    scheme: (real) => ({ ...real, verifyVote: () => true }),
  },
  nullifiesAndFinalizes: {
    what: 'finalizes a view that it has nullified',
    createAgreement: tampering((step) => {
      for (const { kind, view, blockHash } of learned(step)) {
        const isDue = kind === voteKinds.notarize && step.memory.nullified.has(view);
        if (isDue) step.sign({ kind: 'finalize', view, blockHash });
      }
      return undefined;
    }),
  },
  finalizesUncertified: {
    what: 'finalizes with its notarize vote, before there is a quorum',
    createAgreement: tampering((step) => {
      for (const { kind, view, blockHash } of signedIn(step.effects)) {
        if (kind === 'notarize') step.sign({ kind: 'finalize', view, blockHash });
      }
      return undefined;
    }),
  },
  ignoresSkippedViews: {
    what: "votes for a leader's block whatever it stands on",
    createAgreement: tampering((step) => {
      const { state, memory } = step;
      const record = state.views.find(({ view }) => view === state.view);
      const block = record?.blocks.find(({ valid }) => valid);
      if (!block || memory.notarized.has(block.view)) return undefined;
      step.sign({ kind: 'notarize', view: block.view, blockHash: block.hash });
      return undefined;
    }),
  },
  neverRepeats: {
    what: 'never sends or asks again',
    createAgreement: (real) => (options) => {
      const core = real(options);
      return {
        initial: core.initial,
        step: (state, input, nowMs) =>
          input.type === 'timer' && input.timer === 'retry'
            ? { state, effects: [] }
            : core.step(state, input, nowMs),
      };
    },
  },
  votesTwiceForLeader: {
    what: 'votes for each block that a leader proposes in a view',
    createAgreement: tampering((step) => {
      const { input, memory, state } = step;
      if (input.type !== 'block' || !input.valid || input.block.view !== state.view)
        return undefined;
      const { hash, view } = input.block;
      const first = memory.notarized.get(view);
      if (first && first !== hash) step.sign({ kind: 'notarize', view, blockHash: hash });
      return undefined;
    }),
  },
  commitsBackwards: {
    what: 'commits the blocks of one finalization newest first',
    createAgreement: tampering(({ effects }) => {
      const commits = effects.filter(({ type }) => type === 'commit').reverse();
      return effects.map(
        (effect) => (effect.type === 'commit' ? commits.shift() : effect) ?? effect,
      );
    }),
  },
  skipsAncestors: {
    what: 'commits a final block without its ancestors',
    createAgreement: tampering(({ effects }) => {
      const last = effects.findLast(({ type }) => type === 'commit');
      return effects.filter((effect) => effect.type !== 'commit' || effect === last);
    }),
  },
  commitsNotarized: {
    what: 'calls a block final when it is notarized',
    createAgreement: tampering((step) => {
      const certificate = learned(step).find(({ kind }) => kind === voteKinds.notarize);
      const block = certificate && step.memory.valid.get(certificate.blockHash);
      if (!block || block.parent !== step.before.final.hash) return undefined;
      return [...step.effects, { type: 'commit', block, certificate }];
    }),
  },
  losesBodies: {
    what: 'keeps votes but not the blocks that they name',
    afterCrash({ journal }) {
      const kept: JournalRecord[] = journal.records.map((one) => ({ ...one, bodies: [] }));
      journal.wipe();
      for (const record of kept) journal.write(record);
      journal.crash('none');
    },
  },
  ignoresSilence: {
    what: 'votes after its journal was lost or torn',
    createAgreement: restarting((options) => ({ ...options, silentThrough: 0 })),
  },
  believesRanges: {
    what: 'takes ranges of blocks without looking at their certificates',
    checksRanges: false,
  },
};

/** Names of the faults that can be planted here. */
export const agreementBugNames: readonly string[] = Object.keys(bugs);

/** A planted fault by its name; none for no name. */
export function agreementBug(name: string | undefined): AgreementBug {
  return (name === undefined ? undefined : bugs[name]) ?? noBug;
}

function votersOf(scheme: Scheme, certificate: Parameters<Scheme['verifyCertificate']>[0]) {
  return new Set(signedRows(scheme, certificate, kindOf(certificate.kind)));
}

function kindOf(number: number): Vote['kind'] {
  return number === voteKinds.notarize
    ? 'notarize'
    : number === voteKinds.nullify
      ? 'nullify'
      : 'finalize';
}

function fewestVoters({ validators }: Epoch): number {
  const quorum = quorumOf(validators);
  let sum = 0n;
  return validators.filter(({ stake }) => {
    const isNeeded = sum < quorum;
    sum += stake;
    return isNeeded;
  }).length;
}

/** Certificates that a step made or took. */
function learned({ input, effects }: Tampered) {
  const taken = input.type === 'certificate' ? [input.certificate] : [];
  const made = effects.flatMap((one) => (one.type === 'sendCertificates' ? one.certificates : []));
  return [...taken, ...made].filter(({ blockHash }) => blockHash !== zeroHash);
}

function signedIn(effects: readonly AgreementEffect[]): readonly Vote[] {
  return effects.flatMap((effect) => (effect.type === 'persist' ? effect.votes : []));
}
