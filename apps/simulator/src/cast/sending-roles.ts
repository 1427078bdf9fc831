/** Roles that lie with what others said: keep it back, bring it up again, forge it, flood with it. */
import type { Tally } from '@aitbc/consensus';
import { type Certificate, type Vote, voteKinds, zeroHash } from '@aitbc/protocol';
import type { Message } from '../agreement/messages.ts';
import { type MakeRole, type Mischief, repeatOld } from './role.ts';

const hoardMax = 256;
const collectedMax = 64;
/** Old votes forge nothing that anybody still listens to. */
const recentVotes = 8;

/** Keeps certificates and finalize votes back and lets them go much later, to some. */
export const hoarder: MakeRole = (mischief) => {
  const hoard: { readonly to: number; readonly message: Message }[] = [];
  const isPrecious = (message: Message): boolean =>
    message.type === 'certificates' ||
    (message.type === 'votes' && message.votes.some(({ kind }) => kind === 'finalize'));
  return {
    outgoing(to, message, send) {
      if (!isPrecious(message) || hoard.length >= hoardMax) return send(message);
      hoard.push({ to, message });
    },
    tick() {
      if (!mischief.random.chance(0.1)) return;
      for (const { to, message } of hoard.splice(0)) {
        if (mischief.random.chance(0.7)) mischief.send(to, message);
      }
    },
  };
};

/** Sends votes in others' names, certificates without a quorum, with voters twice, of another kind. */
export const forger: MakeRole = (mischief) => {
  const heard: Vote[] = [];
  return {
    incoming(_from, message) {
      if (message.type === 'votes') heard.push(...message.votes);
      if (message.type === 'proposal') heard.push(message.vote);
      if (heard.length > collectedMax) heard.splice(0, heard.length - collectedMax);
      return true;
    },
    tick() {
      if (heard.length === 0) return;
      const vote = mischief.random.pick(heard.slice(-recentVotes));
      const forged = mischief.random.pick(forgeries)(mischief, vote, heard);
      if (forged) for (const peer of mischief.peers) mischief.send(peer, forged);
    },
  };
};

type Forgery = (mischief: Mischief, vote: Vote, heard: readonly Vote[]) => Message | undefined;

const forgeries: readonly Forgery[] = [
  // Another's genuine signature under another ballot.
  (_, vote) =>
    votesOf({
      ...vote,
      kind: vote.kind === 'nullify' ? 'notarize' : 'nullify',
      blockHash: vote.kind === 'nullify' ? 'forged' : zeroHash,
    }),
  // Our own signature under another's name.
  ({ scheme, random, epoch }, vote) => {
    const own = scheme().sign(vote);
    const validator = random.below(epoch().validators.length);
    return own && votesOf({ ...own, validator });
  },
  // A vote of another one moved to another view.
  (_, vote) => votesOf({ ...vote, view: vote.view + 1 }),
  // As many genuine votes as there are, short of a quorum or not.
  (mischief, vote, heard) => certificateOf(vote, rowsOf(mischief, vote, heard).slice(0, 2)),
  (mischief, vote, heard) => certificateOf(vote, rowsOf(mischief, vote, heard)),
  // The same voters twice.
  (mischief, vote, heard) => {
    const rows = rowsOf(mischief, vote, heard).slice(0, 2);
    return certificateOf(vote, [...rows, ...rows]);
  },
  // Everybody's name over signatures of one.
  ({ epoch }, vote) =>
    certificateOf(
      vote,
      epoch().validators.map((_, validator) => ({ validator, signature: vote.signature })),
    ),
  // Notarize votes called finalize votes.
  (mischief, vote, heard) =>
    certificateOf({ ...vote, kind: 'finalize' }, rowsOf(mischief, vote, heard)),
];

function votesOf(vote: Vote): Message {
  return { type: 'votes', epoch: vote.epoch, votes: [vote] };
}

/** Genuine votes that were heard for the same ballot, and our own. */
function rowsOf(mischief: Mischief, vote: Vote, heard: readonly Vote[]): Certificate['votes'] {
  const own = mischief.scheme().sign(vote);
  const tally = new Map<number, string>(own ? [[own.validator, own.signature]] : []) as Map<
    number,
    string
  > satisfies Tally;
  for (const other of heard) {
    const isSame =
      other.kind === vote.kind && other.view === vote.view && other.blockHash === vote.blockHash;
    if (isSame && other.epoch === vote.epoch) tally.set(other.validator, other.signature);
  }
  const rows = [...tally].map(([validator, signature]) => ({ validator, signature }));
  return rows.sort((a, b) => a.validator - b.validator);
}

function certificateOf(
  { kind, epoch, view, blockHash }: Vote,
  votes: Certificate['votes'],
): Message {
  const certificate = { kind: voteKinds[kind], epoch, view, blockHash, votes };
  return { type: 'certificates', epoch, certificates: [certificate] };
}

/** Says again what it once heard or said. */
export const outdated: MakeRole = (mischief) => repeatOld(mischief, 4);

/** Offers a history of its own, under certificates of one voter, to who asks and who does not. */
export const historian: MakeRole = (mischief) => {
  const offer = (to: number, height: number): void => {
    const parent = mischief.hashAt(height - 1);
    if (parent === undefined) return;
    const { number: epoch } = mischief.epoch();
    const view = mischief.view();
    const place = { parent, height, view, epoch, proposer: String(mischief.node) };
    const block = mischief.makeBlock({ ...place, isRight: true });
    const vote = mischief.scheme().sign({ kind: 'finalize', epoch, view, blockHash: block.hash });
    const votes = vote ? [{ validator: vote.validator, signature: vote.signature }] : [];
    const kind = voteKinds.finalize;
    const certificate = { kind, epoch, view, blockHash: block.hash, votes };
    mischief.send(to, { type: 'range', blocks: [{ block, certificate }] });
  };
  return {
    incoming(from, message) {
      if (message.type === 'wantRange') offer(from, message.from);
      return message.type !== 'wantRange';
    },
    tick() {
      const behind = mischief.random.below(3);
      offer(mischief.random.pick(mischief.peers), mischief.final().height + 1 - behind);
    },
  };
};

const floodVotes = 16;

/** Fills others with genuine votes of views far ahead and with blocks that lead nowhere. */
export const flooder: MakeRole = (mischief) => ({
  tick() {
    const { random } = mischief;
    const votes: Vote[] = [];
    for (let count = 0; count < floodVotes; count += 1) {
      const ahead = random.pick([1, 10, 300, 100_000, 2 ** 24]);
      const view = mischief.view() + 1 + random.below(ahead);
      const kind = random.pick(['notarize', 'nullify', 'finalize'] as const);
      const blockHash = kind === 'nullify' ? zeroHash : `flood${random.below(1_000)}`;
      const vote = mischief
        .scheme()
        .sign({ kind, epoch: mischief.epoch().number, view, blockHash });
      if (vote) votes.push(vote);
    }
    const block = mischief.makeBlock({
      parent: `flood${random.below(1_000)}`,
      height: mischief.final().height + 1 + random.below(3),
      view: mischief.view(),
      epoch: mischief.epoch().number,
      proposer: String(mischief.node),
      isRight: random.chance(0.5),
    });
    const to = random.pick(mischief.peers);
    mischief.send(to, { type: 'votes', epoch: mischief.epoch().number, votes });
    mischief.send(to, { type: 'block', block });
  },
});
