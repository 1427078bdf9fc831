/** Numbers of a mesh since its start: those of ended links, kept, and of open ones, asked for. */
import type { LinkNumbers } from './link/link.ts';
import type { MeshStats } from './types.ts';

/** A running count. */
export interface Tally {
  opened(): void;
  refused(): void;
  banned(): void;
  /** Last numbers of a link. */
  ended(numbers: LinkNumbers): void;
  sum(open: readonly LinkNumbers[]): MeshStats;
}

type Flow = Pick<MeshStats, 'messagesIn' | 'messagesOut' | 'bytesIn' | 'bytesOut' | 'dropped'>;

/** Counts from zero. */
export function createTally(): Tally {
  let past: Flow = {
    ...{ messagesIn: 0, messagesOut: 0, bytesIn: 0, bytesOut: 0 },
    dropped: { votes: 0, proposals: 0, sync: 0, gossip: 0 },
  };
  let connected = 0;
  let refused = 0;
  let banned = 0;
  return {
    opened() {
      connected += 1;
    },
    refused() {
      refused += 1;
    },
    banned() {
      banned += 1;
    },
    ended(numbers) {
      past = added(past, numbers);
    },
    sum: (open) => ({ ...open.reduce(added, past), connected, refused, banned }),
  };
}

function added(sum: Flow, more: Flow): Flow {
  return {
    messagesIn: sum.messagesIn + more.messagesIn,
    messagesOut: sum.messagesOut + more.messagesOut,
    bytesIn: sum.bytesIn + more.bytesIn,
    bytesOut: sum.bytesOut + more.bytesOut,
    dropped: {
      votes: sum.dropped.votes + more.dropped.votes,
      proposals: sum.dropped.proposals + more.dropped.proposals,
      sync: sum.dropped.sync + more.dropped.sync,
      gossip: sum.dropped.gossip + more.dropped.gossip,
    },
  };
}
