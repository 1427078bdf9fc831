/**
 * Byzantine validators of the large level: an honest node whose post passes through roles, as in the small
 * one (see cast/role.ts), with the messages of the mesh.
 */
import { decodeBody, encodeBody } from '@aitbc/chain';
import type { Scheme } from '@aitbc/consensus';
import {
  type BlockHeader,
  blockHashOf,
  type Hex,
  type MeshMessage,
  signTx,
  type Vote,
  zeroHash,
} from '@aitbc/protocol';
import { createSides, type Role, repeatOld } from '../cast/role.ts';
import type { Random } from '../engine/random.ts';
import { feeNait, type Ground } from './ground.ts';

export interface WholeMischief {
  readonly random: Random;
  readonly hopMs: number;
  readonly ground: Ground;
  readonly peers: readonly number[];
  epoch(): number;
  view(): number;
  scheme(): Scheme;
  /** Next nonce of an account as far as this node knows. */
  nonceOf(account: Hex): number;
  send(to: number, message: MeshMessage): void;
  after(delayMs: number, run: () => void): void;
}

export type WholeRole = Role<MeshMessage>;

export type MakeWholeRole = (mischief: WholeMischief) => WholeRole;
type Proposal = Extract<MeshMessage, { readonly type: 'proposal' }>;

const kept = 128;

/** Votes for another block as well, towards half of the others. */
const conflicter: MakeWholeRole = (mischief) => {
  const sideOf = createSides(mischief.random);
  return {
    outgoing(to, message, send) {
      send(message);
      if (message.type !== 'votes' || !sideOf(message.votes[0]?.view ?? 0, to)) return;
      const others = message.votes.filter(({ kind }) => kind !== 'nullify');
      const votes = others.map((vote) => signed(mischief, { ...vote, blockHash: 'ab'.repeat(32) }));
      if (votes.length > 0) mischief.send(to, { type: 'votes', votes });
    },
  };
};

/** Proposes a second block, a moment younger, to half of the others. */
const equivocator: MakeWholeRole = (mischief) => {
  const sideOf = createSides(mischief.random);
  const change = changing(mischief, (header) => ({ ...header, timeMs: header.timeMs + 1 }));
  return {
    outgoing(to, message, send) {
      const isOther = message.type === 'proposal' && sideOf(message.header.view, to);
      send(isOther ? change(message) : message);
    },
  };
};

/** Claims another state root than the block executes to. */
const wrongRoot: MakeWholeRole = (mischief) => {
  const change = changing(mischief, (header) => ({ ...header, stateRoot: 'cd'.repeat(32) }));
  return {
    outgoing: (_to, message, send) => send(message.type === 'proposal' ? change(message) : message),
  };
};

/** Proposes from an hour ahead, or a block that says it is of another height. */
const timeTraveller: MakeWholeRole = (mischief) => {
  const isLate = mischief.random.chance(0.5);
  const change = changing(mischief, (header) =>
    isLate
      ? { ...header, timeMs: header.timeMs + 3_600_000 }
      : { ...header, height: header.height + 1 },
  );
  return {
    outgoing: (_to, message, send) => send(message.type === 'proposal' ? change(message) : message),
  };
};

/** Signs nullify and finalize for the same views. */
const doubleEnder: MakeWholeRole = (mischief) => {
  const sideOf = createSides(mischief.random);
  return {
    outgoing(to, message, send) {
      send(message);
      if (message.type !== 'votes') return;
      for (const vote of message.votes) {
        if (vote.kind !== 'finalize' || !sideOf(vote.view, to)) continue;
        const nullify = signed(mischief, { ...vote, kind: 'nullify', blockHash: zeroHash });
        mischief.send(to, { type: 'votes', votes: [nullify] });
      }
    },
  };
};

/** Says nullify in every view. */
const nuller: MakeWholeRole = (mischief) => ({
  outgoing(_to, message, send) {
    if (message.type !== 'votes') send(message);
  },
  tick() {
    const [epoch, view] = [mischief.epoch(), mischief.view()];
    const vote = { kind: 'nullify', epoch, view, blockHash: zeroHash } as const;
    const nullify = mischief.scheme().sign(vote);
    if (!nullify) return;
    for (const peer of mischief.peers) mischief.send(peer, { type: 'votes', votes: [nullify] });
  },
});

const silentLeader: MakeWholeRole = () => ({
  outgoing(_to, message, send) {
    if (message.type !== 'proposal') send(message);
  },
});

const mute: MakeWholeRole = () => ({ outgoing: () => {}, incoming: () => false });

const lateLeader: MakeWholeRole = ({ random, hopMs, after }) => ({
  outgoing(_to, message, send) {
    if (message.type !== 'proposal') return send(message);
    after(hopMs * (1 + random.unit() * 20), () => send(message));
  },
});

/** Votes for its blocks and names transactions that nobody has; gives no bodies. */
const withholder: MakeWholeRole = (mischief) => {
  const change = changing(mischief, (header) => header);
  return {
    outgoing(_to, message, send) {
      if (message.type === 'block' || message.type === 'blockTxs') return;
      if (message.type !== 'proposal') return send(message);
      const isBare = mischief.random.chance(0.5);
      send(isBare ? { type: 'votes', votes: [change(message).vote] } : message);
    },
  };
};

/** Answers questions with garbage: other transactions, other blocks, ranges of its own making. */
const garbler: MakeWholeRole = ({ random }) => ({
  outgoing(_to, message, send) {
    if (message.type === 'blockTxs') {
      send({ ...message, txs: message.txs.map(() => new Uint8Array(random.below(300))) });
    } else if (message.type === 'block') {
      const body = message.body.slice();
      body[random.below(body.length)] = random.below(256);
      send({ ...message, body });
    } else if (message.type === 'range') {
      send({ ...message, blocks: message.blocks.toReversed() });
    } else send(message);
  },
});

/** Tells a history of its own to who wants to catch up: right blocks changed, certificates of one voter. */
const historian: MakeWholeRole = (mischief) => ({
  outgoing(_to, message, send) {
    if (message.type === 'status') {
      const { status } = message;
      return send({ type: 'status', status: { ...status, height: status.height + 20 } });
    }
    if (message.type !== 'range') return send(message);
    send({ ...message, blocks: message.blocks.map((one) => rewritten(mischief, one)) });
  },
});

type Certified = Extract<MeshMessage, { readonly type: 'range' }>['blocks'][number];

function rewritten({ ground, random, scheme }: WholeMischief, one: Certified): Certified {
  const decoded = decodeBody(ground.network, one.body);
  if (!decoded.ok) return one;
  const { header, txs } = decoded.value;
  const changed = { ...header, stateRoot: random.chance(0.5) ? header.stateRoot : 'ef'.repeat(32) };
  const other = { ...changed, timeMs: header.timeMs + random.below(2) };
  const hash = blockHashOf(ground.network, other);
  const { certificate } = one;
  const ballot = {
    kind: 'finalize',
    epoch: header.epoch,
    view: header.view,
    blockHash: hash,
  } as const;
  const vote = scheme().sign(ballot);
  const votes = vote ? [{ validator: vote.validator, signature: vote.signature }] : [];
  return {
    body: encodeBody({ header: other, txs }),
    certificate: { ...certificate, blockHash: hash, votes },
  };
}

/** Keeps certificates and finalize votes back and lets them go much later. */
const hoarder: MakeWholeRole = (mischief) => {
  const hoard: { readonly to: number; readonly message: MeshMessage }[] = [];
  return {
    outgoing(to, message, send) {
      const isPrecious =
        message.type === 'certificates' ||
        (message.type === 'votes' && message.votes.some(({ kind }) => kind === 'finalize'));
      if (!isPrecious || hoard.length >= kept) return send(message);
      hoard.push({ to, message });
    },
    tick() {
      if (!mischief.random.chance(0.1)) return;
      for (const { to, message } of hoard.splice(0)) mischief.send(to, message);
    },
  };
};

/** Sends votes in others' names and certificates without a quorum. */
const forger: MakeWholeRole = (mischief) => {
  const heard: Vote[] = [];
  return {
    incoming(_from, message) {
      if (message.type === 'votes') heard.push(...message.votes);
      if (heard.length > kept) heard.splice(0, heard.length - 8);
      return true;
    },
    tick() {
      const vote = heard.at(-1);
      if (!vote) return;
      const peer = mischief.random.pick(mischief.peers);
      const other = (vote.validator + 1) % mischief.ground.validators.length;
      if (mischief.random.chance(0.5)) {
        return mischief.send(peer, { type: 'votes', votes: [{ ...vote, validator: other }] });
      }
      const { epoch, view, blockHash, signature } = vote;
      const votes = [vote.validator, other, other + 1].map((validator) => ({
        validator,
        signature,
      }));
      mischief.send(peer, {
        type: 'certificates',
        certificates: [{ kind: 3, epoch, view, blockHash, votes }],
      });
    },
  };
};

/** Says again what it once heard or said. */
const outdated: MakeWholeRole = (mischief) => repeatOld(mischief, 1);

/** Asks for everything all the time, and votes in views far ahead. */
const flooder: MakeWholeRole = (mischief) => ({
  tick() {
    const { random } = mischief;
    const to = random.pick(mischief.peers);
    const votes: Vote[] = [];
    for (let count = 0; count < 8; count += 1) {
      const view = mischief.view() + 1 + random.below(random.pick([10, 300, 2 ** 24]));
      const ballot = {
        kind: 'finalize',
        epoch: mischief.epoch(),
        view,
        blockHash: randomHash(random),
      } as const;
      const vote = mischief.scheme().sign(ballot);
      if (vote) votes.push(vote);
    }
    mischief.send(to, { type: 'votes', votes });
    mischief.send(to, { type: 'wantRange', from: 1, to: 64 });
    mischief.send(to, { type: 'wantBlock', hash: randomHash(random) });
    mischief.send(to, { type: 'wantTxs', hash: randomHash(random), places: [0, 1, 2] });
  },
});

/** Sends transfers out of others' pockets, under a signature of its own making. */
const thief: MakeWholeRole = (mischief) => ({
  tick() {
    const { ground, random } = mischief;
    const [victim, friend] = random.shuffled(ground.people);
    if (!victim || !friend) return;
    const body = { to: friend.id, amount: 1_000n, memo: '' };
    const nonce = mischief.nonceOf(victim.id);
    const envelope = { chain: ground.network.chain, nonce, validUntil: 0, from: victim.id };
    const tx = { ...envelope, kind: 'transfer', fee: feeNait, body } as const;
    const { bytes } = signTx(ground.network, tx, friend.secretKey);
    mischief.send(random.pick(mischief.peers), { type: 'txs', txs: [bytes] });
  },
});

const makers: Readonly<Record<string, MakeWholeRole>> = {
  conflicter,
  equivocator,
  nuller,
  doubleEnder,
  silentLeader,
  mute,
  lateLeader,
  withholder,
  wrongRoot,
  timeTraveller,
  garbler,
  historian,
  hoarder,
  forger,
  outdated,
  flooder,
  thief,
};

/** Names of all roles of this level but `twins`. */
export const wholeRoleNames: readonly string[] = Object.keys(makers);

/** The maker of a role; undefined for `twins`. */
export function wholeRoleMaker(name: string): MakeWholeRole | undefined {
  return makers[name];
}

/** The same proposal with another header and a vote for it; the same one every time. */
function changing(
  mischief: WholeMischief,
  change: (header: BlockHeader) => BlockHeader,
): (message: Proposal) => Proposal {
  const made = new Map<Hex, Proposal>();
  return (message) => {
    const known = made.get(message.vote.blockHash);
    if (known) return known;
    const header = change(message.header);
    const blockHash = blockHashOf(mischief.ground.network, header);
    const changed = { ...message, header, vote: signed(mischief, { ...message.vote, blockHash }) };
    if (made.size > kept) made.clear();
    made.set(message.vote.blockHash, changed);
    return changed;
  };
}

function signed(mischief: WholeMischief, vote: Vote): Vote {
  return mischief.scheme().sign(vote) ?? vote;
}

function randomHash(random: Random): Hex {
  return random.below(256).toString(16).padStart(2, '0').repeat(32);
}
