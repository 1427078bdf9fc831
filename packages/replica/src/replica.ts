/**
 * One node's mind without I/O. A step takes one input, lets every part act until nothing is left to do, and
 * returns what the shell has to do, in order. There is no promise, clock, random number or socket in here, so a
 * simulator runs this very code and every run can be repeated. Rejected: parts that call each other back (the
 * order of effects would depend on who calls first); one step per part (a block would need several of
 * them to become final, and a crash could fall between). See docs/spec/replica.md.
 */
import { accountOf, decodeBody } from '@aitbc/chain';
import { blockHashOf } from '@aitbc/protocol';
import { adoptOrphans, arrive, feedLate } from './blocks.ts';
import { askForWants } from './fetch.ts';
import { checkNextVersion, takeStored } from './ledger.ts';
import { takeEarly, takeMessage } from './messages.ts';
import { createMind, emit, isValidator, type Mind, type OpenBlock, tell } from './mind.ts';
import { keepPace } from './pace.ts';
import { addPeer, dropPeer, peerHeight, sayStatus } from './peers.ts';
import { resend, takeTxs } from './pool.ts';
import { openSeat, runInbox } from './seat.ts';
import { applyHeld, catchUp, isSyncing } from './sync/sync.ts';
import { arm, ring } from './timers.ts';
import type {
  Replica,
  ReplicaDeps,
  ReplicaInput,
  ReplicaOptions,
  ReplicaStatus,
  ReplicaTimer,
} from './types.ts';

/** A replica that stands still until its `start` input. */
export function createReplica(options: ReplicaOptions, deps: ReplicaDeps): Replica {
  const mind = createMind(options, deps);
  return {
    step(input, nowMs, wallMs) {
      mind.nowMs = nowMs;
      mind.wallMs = Math.floor(wallMs);
      mind.out = [];
      if (mind.isStarted === (input.type === 'start')) {
        throw new RangeError('a replica is started once, before all else');
      }
      take(mind, input);
      settle(mind);
      return mind.out;
    },
    head: () => mind.head,
    status: () => statusOf(mind),
    reader: mind.layer,
    tree: mind.tree,
    pendingNonce: (account) => mind.mempool.pendingNonce(account, nonceOf(mind, account)),
    waitingTx: (txId) => mind.mempool.get(txId),
    mempool: () => ({ count: mind.mempool.count(), sizeBytes: mind.mempool.sizeBytes() }),
    peers: () => new Map([...mind.peers].map(([key, { status }]) => [key, status])),
  };
}

type Handlers = {
  readonly [T in ReplicaInput['type']]: (
    mind: Mind,
    input: Extract<ReplicaInput, { readonly type: T }>,
  ) => void;
};

const handlers: Handlers = {
  start,
  txs(mind, { txs, from }) {
    if (!mind.isHalted) takeTxs(mind, txs, from);
  },
  message(mind, { peer, message }) {
    takeMessage(mind, peer, message);
  },
  timer: takeTimer,
  stored(mind, { height }) {
    takeStored(mind, height);
    if (!mind.isHalted && mind.held.size > 0) applyHeld(mind);
  },
  peerUp(mind, { peer }) {
    addPeer(mind, peer);
    resend(mind, peer);
  },
  peerDown(mind, { peer }) {
    dropPeer(mind, peer);
  },
};

function take<T extends ReplicaInput['type']>(
  mind: Mind,
  input: Extract<ReplicaInput, { readonly type: T }>,
): void {
  handlers[input.type as T](mind, input);
}

function start(mind: Mind): void {
  mind.isStarted = true;
  mind.startWallMs = mind.wallMs;
  mind.headAtMs = mind.nowMs;
  checkNextVersion(mind);
  openSeat(mind);
  for (const open of journalBlocks(mind)) arrive(mind, open);
  arm(mind, 'status', sayStatus(mind));
}

/** Blocks that we voted for before, lowest first: we checked their signatures then. */
function journalBlocks({ network, options }: Mind): OpenBlock[] {
  const blocks: OpenBlock[] = [];
  for (const bytes of options.journal.bodies.values()) {
    const decoded = decodeBody(network, bytes);
    if (!decoded.ok) continue;
    const { header, txs } = decoded.value;
    blocks.push({ header, txs, hash: blockHashOf(network, header), isTrusted: true });
  }
  return blocks.sort((a, b) => a.header.height - b.header.height);
}

function takeTimer(mind: Mind, { timer, id }: { timer: ReplicaTimer; id: number }): void {
  const armed = ring(mind, timer, id);
  if (!armed) return;
  if (timer === 'leader' || timer === 'progress' || timer === 'retry') {
    const isOfSeat = armed.epoch === mind.seat?.epoch;
    if (isOfSeat) tell(mind, { type: 'timer', timer, view: armed.view });
  } else if (timer === 'status') {
    arm(mind, 'status', sayStatus(mind));
    if (mind.isHalted) return;
    resend(mind);
    catchUp(mind);
  } else if (timer === 'sync' && !mind.isHalted) applyHeld(mind);
}

/** Lets every part act until nothing is left to do. */
function settle(mind: Mind): void {
  do {
    openSeat(mind);
    runInbox(mind);
    adoptOrphans(mind);
    feedLate(mind);
    takeEarly(mind);
    keepPace(mind);
  } while (!mind.isHalted && (mind.inbox.length > 0 || mind.isSeatStale));
  if (!mind.isHalted) askForWants(mind);
  else stopAll(mind);
}

function stopAll(mind: Mind): void {
  mind.inbox = [];
  if (!mind.haltEffect) return;
  emit(mind, mind.haltEffect);
  mind.haltEffect = undefined;
}

function nonceOf(mind: Mind, account: string): number {
  return accountOf(mind.layer, account).nonce;
}

function statusOf(mind: Mind): ReplicaStatus {
  const { era, seat, pending, isHalted } = mind;
  const view = seat?.state.view ?? 0;
  const isMember = isValidator(mind);
  return {
    epoch: era.epoch,
    view,
    validators: era.set.validators,
    isValidator: isMember,
    mayVote: isMember && seat !== undefined && view > seat.silentThrough,
    isSyncing: isSyncing(mind),
    peerHeight: peerHeight(mind),
    pendingBlocks: pending.size,
    isHalted,
  };
}
