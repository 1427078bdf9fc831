/**
 * No coin is stuck: after the run everybody takes back what is theirs, and time is set forward to each date. To the rules that
 * is a stand-still of the chain, after which dates wait; so blocks follow at the pace of an idle chain. What is locked then is locked for ever. Stakes are left alone, because a chain without validators makes no blocks.
 */
import { auditFunds, type Lock } from '@aitbc/chain';
import {
  devnetParams,
  expiringLane,
  type Hex,
  type SignedTx,
  signTx,
  type UnsignedTx,
} from '@aitbc/protocol';
import type { Person } from '../../commerce/scene.ts';
import type { MarketGround } from '../ground.ts';
import { feeOfTx, type Ledger } from './ledger.ts';

const roundsMax = 60;
const txsPerOwner = 30;
const aliveBlocks = 5;
const idleMs = 2 * devnetParams.heartbeatMs; // no stand-still

/** Releases all; the locks that are left. */
export function releaseAll(ground: MarketGround, ledger: Ledger): readonly Lock[] {
  let left: readonly Lock[] = [];
  for (let round = 0; round < roundsMax; round += 1) {
    left = locksIn(ledger);
    if (left.length === 0) return [];
    const { timeMs } = ledger.head();
    const dates = left.flatMap(({ dueMs }) => (dueMs === null ? [] : [dueMs]));
    const isDated = dates.length === left.length;
    const blockMs = isDated ? Math.max(...dates, timeMs + 1) : timeMs + idleMs;
    ledger.makeBlock(blockMs, txsFor(ground, ledger, left));
  }
  return left;
}

function locksIn(ledger: Ledger): readonly Lock[] {
  const { locks } = auditFunds(ledger.state, ledger.head().timeMs);
  return locks.filter(({ releasedBy }) => !isStake(releasedBy));
}

function isStake(kind: string): boolean {
  return kind === 'validator_unbond' || kind === 'stake_withdraw';
}

function txsFor(ground: MarketGround, ledger: Ledger, locks: readonly Lock[]): SignedTx[] {
  const people = peopleOf(ground);
  const sent = new Map<Hex, number>();
  const done = new Set<string>();
  return locks.flatMap((lock) => {
    const from = people.get(lock.owner);
    const body = bodyOf(lock);
    const what = `${lock.key} ${lock.releasedBy}`;
    if (!from || !body || done.has(what)) return [];
    done.add(what);
    const nonce = sent.get(from.id) ?? 0;
    if (nonce >= txsPerOwner) return [];
    sent.set(from.id, nonce + 1);
    const validUntil = ledger.head().height + aliveBlocks;
    const envelope = { chain: ground.network.chain, lane: expiringLane, validUntil, fee: 0n };
    const { id, secretKey } = from;
    const unsigned = { ...envelope, kind: lock.releasedBy, nonce, from: id, body } as UnsignedTx;
    const tx = { ...unsigned, fee: feeOfTx(ground, unsigned) } as UnsignedTx;
    return [signTx(ground.network, tx, secretKey)];
  });
}

function peopleOf({ people, parties }: MarketGround): ReadonlyMap<Hex, Person> {
  const all = [...people, ...parties.flatMap(({ person, hotKey }) => [person, hotKey])];
  return new Map(all.map((person) => [person.id, person]));
}

function bodyOf({ key, releasedBy, amount }: Lock): object | undefined {
  const id = key.slice(1);
  if (releasedBy === 'vault_withdraw') return { amount };
  if (releasedBy === 'withdraw_init') return { channelId: id, amount };
  if (releasedBy === 'withdraw_finalize') return { channelId: id };
  if (releasedBy === 'provider_unbond') return {};
  if (releasedBy === 'bond_withdraw') return { provider: id };
  if (releasedBy === 'task_expire') return { taskId: id };
  return releasedBy === 'audit_close' ? { auditId: id } : undefined;
}
