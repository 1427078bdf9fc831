/**
 * Faults planted around the whole replica: its disk, its journal, what it is told about signatures, its tree, its
 * order of effects. The replica itself has no switch for them.
 */
import type { StateTree, TreeVersion } from '@aitbc/chain';
import type { Scheme } from '@aitbc/consensus';
import type { JournalContent, Replica, ReplicaDeps, ReplicaEffect } from '@aitbc/replica';

/** A planted fault: what is wrapped. */
export interface WholeBug {
  readonly what: string;
  readonly deps?: (deps: ReplicaDeps) => ReplicaDeps;
  readonly waitsForDisk?: boolean;
  readonly keepsBodies?: boolean;
  readonly replica?: (real: Replica) => Replica;
  readonly journal?: (content: JournalContent) => JournalContent;
  readonly tree?: (real: StateTree) => StateTree;
}

const noBug: WholeBug = { what: 'nothing is planted' };

const bugs: Readonly<Record<string, WholeBug>> = {
  votesBeforeSync: {
    what: 'sends votes before the disk has them',
    waitsForDisk: false,
  },
  losesBodies: {
    what: 'keeps votes but not the blocks that they name',
    keepsBodies: false,
  },
  forgetsOwnVotes: {
    what: 'votes again after a restart as if it had not voted',
    journal: (content) => ({ ...content, votes: [] }),
  },
  ignoresSilence: {
    what: 'votes after its journal was lost or torn',
    journal: ({ votes, bodies, certificates }) => ({ votes, bodies, certificates }),
  },
  believesCertificates: {
    what: 'takes blocks and certificates without checking who signed',
    deps: withScheme((scheme) => ({ ...scheme, verifyCertificate: () => true })),
  },
  believesForgedVotes: {
    what: 'does not check the signatures of votes',
    deps: withScheme((scheme) => ({ ...scheme, verifyVote: () => true })),
  },
  believesTxs: {
    what: 'does not check the signatures of transactions',
    deps: (deps) => ({ ...deps, verifyTxs: () => true }),
  },
  rootBeforeExecution: {
    what: 'commits to the state before a block instead of the one after it',
    tree: withOldRoots,
  },
  commitsBackwards: {
    what: 'reports blocks that become final together newest first',
    replica: changing((effects) =>
      effects.map((effect) =>
        effect.type === 'final' ? { ...effect, blocks: effect.blocks.toReversed() } : effect,
      ),
    ),
  },
  skipsAncestors: {
    what: 'reports only the newest of blocks that become final together',
    replica: changing((effects) =>
      effects.map((effect) =>
        effect.type === 'final' ? { ...effect, blocks: effect.blocks.slice(-1) } : effect,
      ),
    ),
  },
  neverRepeats: {
    what: 'never sends or asks again',
    replica: changing((effects) =>
      effects.filter((effect) => effect.type !== 'arm' || !isRepeating(effect.timer)),
    ),
  },
};

/** Names of the faults that can be planted here. */
export const wholeBugNames: readonly string[] = Object.keys(bugs);

/** A planted fault by its name; none for no name. */
export function wholeBug(name: string | undefined): WholeBug {
  return (name === undefined ? undefined : bugs[name]) ?? noBug;
}

function isRepeating(timer: string): boolean {
  return timer === 'retry' || timer === 'fetch' || timer === 'sync' || timer === 'status';
}

function withScheme(change: (scheme: Scheme) => Scheme): (deps: ReplicaDeps) => ReplicaDeps {
  return (deps) => ({
    ...deps,
    schemeFor: (epoch, validators) => change(deps.schemeFor(epoch, validators)),
  });
}

function changing(
  change: (effects: readonly ReplicaEffect[]) => ReplicaEffect[],
): (real: Replica) => Replica {
  return (real) => ({
    ...real,
    step: (input, nowMs, wallMs) => change(real.step(input, nowMs, wallMs)),
  });
}

/** A tree whose versions tell the root before the writes when asked for the one after them. */
function withOldRoots(real: StateTree): StateTree {
  const behind = new WeakMap<TreeVersion, TreeVersion>();
  const wrapped = new WeakMap<TreeVersion, TreeVersion>();
  const wrap = (version: TreeVersion): TreeVersion => {
    const known = wrapped.get(version);
    if (known) return known;
    const wrapper: TreeVersion = { ...version, rootAfter: () => version.root };
    behind.set(wrapper, version);
    wrapped.set(version, wrapper);
    return wrapper;
  };
  const unwrapped = (version: TreeVersion): TreeVersion => behind.get(version) ?? version;
  return {
    ...real,
    get head() {
      return wrap(real.head);
    },
    extend: (version, writes) => wrap(real.extend(unwrapped(version), writes)),
    commit: (next) => real.commit('rootAfter' in next ? unwrapped(next) : next),
    rootAfter: () => real.root(),
  };
}
