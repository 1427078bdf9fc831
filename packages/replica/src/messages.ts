/**
 * What a node does with each message. Votes, certificates and proposals belong to an epoch: those of the present one
 * go to agreement, those of the next one wait until it begins here, older ones show that their sender is behind and
 * are answered with our status. See docs/spec/replica.md, "Messages".
 */
import type { Hex, MeshMessage } from '@aitbc/protocol';
import { type Mind, tell } from './mind.ts';
import { helpOut } from './peers.ts';
import { takeWireTxs } from './pool.ts';
import { takeBlock, takeBlockTxs, takeProposal } from './proposals.ts';
import { serveBlock, serveRange, serveTxs } from './sync/serve.ts';
import { catchUp, takeRange } from './sync/sync.ts';

/** Messages of the next epoch that wait: enough for what others say while we finish the last block. */
const earlyMax = 512;
const earlyPerPeer = 64;

type Handler<T extends MeshMessage['type']> = (
  mind: Mind,
  peer: Hex,
  message: Extract<MeshMessage, { readonly type: T }>,
) => void;

/** Snapshots and what proves them are the shell's: a replica starts from one. */
type Own = Exclude<
  MeshMessage['type'],
  'wantSnapshot' | 'snapshot' | 'wantChunk' | 'chunk' | 'wantBundle' | 'bundle'
>;

const handlers: { readonly [T in Own]: Handler<T> } = {
  status(mind, peer, { status }) {
    const known = mind.peers.get(peer);
    if (known) known.status = status;
    if (!mind.isHalted) catchUp(mind);
  },
  votes: takeVotes,
  certificates: takeCertificates,
  proposal(mind, peer, message) {
    const { epoch } = message.vote;
    if (isNow(mind, peer, { epoch, message })) takeProposal(mind, peer, message);
  },
  wantCertificates(mind, peer, message) {
    const { epoch, fromView, toView } = message;
    if (!isNow(mind, peer, { epoch, message })) return;
    tell(mind, { type: 'request', peer, fromView, toView }, peer);
  },
  txs(mind, peer, { txs }) {
    takeWireTxs(mind, peer, txs);
  },
  wantTxs: serveTxs,
  blockTxs: takeBlockTxs,
  wantBlock(mind, peer, { hash }) {
    serveBlock(mind, peer, hash);
  },
  block: takeBlock,
  wantRange: serveRange,
  range: takeRange,
};

/** What a node that has halted still does. */
const servedWhenHalted: ReadonlySet<string> = new Set<Own>([
  'status',
  'wantTxs',
  'wantBlock',
  'wantRange',
]);

/** Takes a message of a connected peer. */
export function takeMessage(mind: Mind, peer: Hex, message: MeshMessage): void {
  if (!mind.peers.has(peer) || !(message.type in handlers)) return;
  if (mind.isHalted && !servedWhenHalted.has(message.type)) return;
  const handler = handlers[message.type as Own] as Handler<Own>;
  handler(mind, peer, message as Extract<MeshMessage, { readonly type: Own }>);
}

type Votes = Extract<MeshMessage, { readonly type: 'votes' }>;
type Certificates = Extract<MeshMessage, { readonly type: 'certificates' }>;

function takeVotes(mind: Mind, peer: Hex, { votes }: Votes): void {
  for (const vote of votes) {
    const message = { type: 'votes', votes: [vote] } as const;
    if (isNow(mind, peer, { epoch: vote.epoch, message })) tell(mind, { type: 'vote', vote }, peer);
  }
}

function takeCertificates(mind: Mind, peer: Hex, { certificates }: Certificates): void {
  for (const certificate of certificates) {
    const message = { type: 'certificates', certificates: [certificate] } as const;
    if (isNow(mind, peer, { epoch: certificate.epoch, message })) {
      tell(mind, { type: 'certificate', certificate }, peer);
    }
  }
}

/** True for the present epoch. What is of the next one waits; what is older shows that the peer needs help. */
function isNow(mind: Mind, peer: Hex, of: { epoch: number; message: MeshMessage }): boolean {
  const present = mind.era.epoch;
  if (of.epoch === present) return true;
  if (of.epoch < present) helpOut(mind, peer);
  if (of.epoch === present + 1) keepEarly(mind, peer, of);
  return false;
}

function keepEarly(mind: Mind, peer: Hex, of: { epoch: number; message: MeshMessage }): void {
  const ofPeer = mind.early.filter((one) => one.peer === peer).length;
  if (mind.early.length >= earlyMax || ofPeer >= earlyPerPeer) return;
  mind.early.push({ peer, ...of });
}

/** Takes the messages whose epoch has begun. */
export function takeEarly(mind: Mind): void {
  const due = mind.early.filter(({ epoch }) => epoch <= mind.era.epoch);
  if (due.length === 0) return;
  mind.early = mind.early.filter(({ epoch }) => epoch > mind.era.epoch);
  for (const { peer, message } of due) takeMessage(mind, peer, message);
}
