/** Roles that lie with votes and proposals. */
import type { Vote } from '@aitbc/protocol';
import { zeroHash } from '@aitbc/protocol';
import type { Message, ToyBlock } from '../agreement/messages.ts';
import { createSides, type MakeRole, type Mischief } from './role.ts';

type Votes = Extract<Message, { type: 'votes' }>;
type Proposal = Extract<Message, { type: 'proposal' }>;

/** Votes for one block towards some and for another one towards the rest, now and then for both. */
export const conflicter: MakeRole = (mischief) => {
  const sideOf = createSides(mischief.random);
  return {
    outgoing(to, message, send) {
      send(message);
      if (message.type !== 'votes' || !sideOf(message.votes[0]?.view ?? 0, to)) return;
      const others = message.votes.filter(({ kind }) => kind !== 'nullify');
      const votes = others.map((vote) => signed(mischief, { ...vote, blockHash: otherHash(vote) }));
      if (votes.length > 0) mischief.send(to, { ...message, votes });
    },
  };
};

/** Leads with two blocks, one for each half, and votes for both as if each were the only one. */
export const equivocator: MakeRole = (mischief) => {
  const sideOf = createSides(mischief.random);
  const twins = new Map<string, ToyBlock>();
  const twinOf = (block: ToyBlock): ToyBlock => {
    const known = twins.get(block.hash);
    if (known) return known;
    const { hash: _hash, ...rest } = block;
    const twin = mischief.makeBlock(rest);
    if (twins.size > 64) twins.clear();
    twins.set(block.hash, twin);
    return twin;
  };
  const swapped = (vote: Vote): Vote => {
    const twin = twins.get(vote.blockHash);
    return twin ? signed(mischief, { ...vote, blockHash: twin.hash }) : vote;
  };
  return {
    outgoing(to, message, send) {
      if (message.type === 'proposal' && sideOf(message.block.view, to)) {
        const block = twinOf(message.block);
        send({ ...message, block, vote: swapped(message.vote) });
      } else if (message.type === 'votes' && sideOf(message.votes[0]?.view ?? 0, to)) {
        send({ ...message, votes: message.votes.map(swapped) });
      } else send(message);
    },
    incoming(from, message) {
      if (message.type !== 'wantBlock') return true;
      const twin = [...twins.values()].find(({ hash }) => hash === message.hash);
      if (twin) mischief.send(from, { type: 'block', block: twin });
      return twin === undefined;
    },
  };
};

/** Says nullify in every view, and nothing else. */
export const nuller: MakeRole = (mischief) => {
  let nullified = 0;
  return {
    outgoing(_to, message, send) {
      if (message.type !== 'votes') return send(message);
      const view = mischief.view();
      if (view <= nullified) return;
      nullified = view;
      for (const peer of mischief.peers) mischief.send(peer, nullifyOf(mischief, view));
    },
    tick() {
      const message = nullifyOf(mischief, mischief.view());
      for (const peer of mischief.peers) mischief.send(peer, message);
    },
  };
};

/** Signs nullify and finalize in the same view. */
export const doubleEnder: MakeRole = (mischief) => {
  const sideOf = createSides(mischief.random);
  return {
    outgoing(to, message, send) {
      send(message);
      if (message.type !== 'votes') return;
      for (const vote of message.votes) {
        if (!sideOf(vote.view, to)) continue;
        if (vote.kind === 'finalize') mischief.send(to, nullifyOf(mischief, vote.view));
        if (vote.kind === 'notarize')
          mischief.send(to, votesOf(mischief, { ...vote, kind: 'finalize' }));
      }
    },
  };
};

/** Never proposes. */
export const silentLeader: MakeRole = () => ({
  outgoing(_to, message, send) {
    if (message.type !== 'proposal') send(message);
  },
});

/** Says nothing at all. */
export const mute: MakeRole = () => ({ outgoing: () => {}, incoming: () => false });

/** Proposes when everybody's timer is about to fire or just has. */
export const lateLeader: MakeRole = ({ random, hopMs, after }) => ({
  outgoing(_to, message, send) {
    if (message.type !== 'proposal') return send(message);
    after(hopMs * (1 + random.unit() * 15), () => send(message));
  },
});

/** Votes for its proposals and never gives their bodies, or gives them to a few only. */
export const withholder: MakeRole = (mischief) => {
  const sideOf = createSides(mischief.random);
  const isStingy = mischief.random.chance(0.5);
  return {
    outgoing(to, message, send) {
      if (message.type === 'block') return;
      if (message.type !== 'proposal') return send(message);
      if (isStingy || sideOf(message.block.view, to)) send(votesMessage(message));
      else send(message);
    },
  };
};

/** Proposes blocks that do not execute to the root they claim, and stands by them. */
export const wrongRoot: MakeRole = (mischief) => ({
  outgoing: replacing(mischief, (block) => ({ ...block, isRight: false })),
});

/** Proposes on an older block than it should, as if the views between had been nullified. */
export const forker: MakeRole = (mischief) => ({
  outgoing: replacing(mischief, (block) => {
    const final = mischief.final();
    const older = mischief.blocks().filter(({ height }) => height < block.height);
    const parent = mischief.random.pick([final, ...older]);
    return { ...block, parent: parent.hash, height: parent.height + 1 };
  }),
});

/** Sends another block in the place of each own proposal. */
function replacing(
  mischief: Mischief,
  change: (block: Omit<ToyBlock, 'hash'>) => Omit<ToyBlock, 'hash'>,
): NonNullable<ReturnType<MakeRole>['outgoing']> {
  const made = new Map<string, Proposal>();
  return (_to, message, send) => {
    if (message.type === 'votes') {
      const isReplaced = message.votes.some((vote) => made.has(vote.blockHash));
      return isReplaced ? undefined : send(message);
    }
    if (message.type !== 'proposal') return send(message);
    const { hash, ...rest } = message.block;
    const block = mischief.makeBlock(change(rest));
    const vote = signed(mischief, { ...message.vote, blockHash: block.hash });
    if (made.size > 64) made.clear();
    const replaced = made.get(hash) ?? { ...message, block, vote };
    made.set(hash, replaced);
    send(replaced);
  };
}

function signed(mischief: Mischief, vote: Vote): Vote {
  return mischief.scheme().sign(vote) ?? vote;
}

function votesOf(mischief: Mischief, vote: Vote): Votes {
  return { type: 'votes', epoch: vote.epoch, votes: [signed(mischief, vote)] };
}

function nullifyOf(mischief: Mischief, view: number): Votes {
  const epoch = mischief.epoch().number;
  const vote = { kind: 'nullify', epoch, view, blockHash: zeroHash } as const;
  return votesOf(mischief, { ...vote, validator: 0, signature: '' });
}

function votesMessage({ epoch, vote }: Proposal): Votes {
  return { type: 'votes', epoch, votes: [vote] };
}

function otherHash({ view, blockHash }: Vote): string {
  return `other${view}.${blockHash.length}`;
}
