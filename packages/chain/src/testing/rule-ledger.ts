/** One overlay above a fresh world, and short ways to send what the tests of the rules send. */
import type { Allocation, Hex, SignedTx, Verdict } from '@aitbc/protocol';
import { applyTx } from '../apply.ts';
import type { TxReceipt } from '../receipt.ts';
import { accountOf, createOverlay, type Overlay } from '../state.ts';
import {
  type Actor,
  actorOf,
  allocationOf,
  channelOfAllocation,
  claimOf,
  createWorld,
  genesisTimeMs,
  type RowTerms,
  refundOf,
  type World,
} from './world.ts';

export const [payer, receiver, stranger] = [actorOf(1), actorOf(2), actorOf(3)];

/** The ledger of one test; `timeMs` and `overlay` are the test's to change. */
export interface RuleLedger {
  readonly world: World;
  overlay: Overlay;
  timeMs: number;
  /** Applies a transaction with the right nonce, or with the changes, at the present time. */
  run(tx: SignedTx, changes?: object): Verdict<TxReceipt>;
  /** Applies a transaction that must not be refused. */
  done(tx: SignedTx): TxReceipt;
  balanceOf(actor: Actor): bigint;
  vaultOf(actor: Actor): bigint;
  /** Opens a channel from payer to receiver; its id. */
  openChannel(amount: bigint, changes?: Partial<Allocation>): Hex;
  fund(changes: Partial<Allocation>): SignedTx;
  claim(...rows: RowTerms[]): SignedTx;
  init(channelId: Hex, amount: bigint, from?: Actor): SignedTx;
  finalize(channelId: Hex): SignedTx;
  refund(channelId: Hex, amount: bigint, refundNonce: number): SignedTx;
}

/** A ledger with payer, receiver and stranger, all of them funded. */
export function createRuleLedger(): RuleLedger {
  const world = createWorld(3);
  const { network } = world;
  const ledger: RuleLedger = {
    world,
    overlay: createOverlay(world.reader),
    timeMs: genesisTimeMs,
    run(tx, changes = {}) {
      const { nonce } = accountOf(ledger.overlay, tx.from);
      const context = { ...world.context(), timeMs: ledger.timeMs };
      return applyTx(ledger.overlay, context, { ...tx, nonce, ...changes } as SignedTx);
    },
    done(tx) {
      const verdict = ledger.run(tx);
      if (!verdict.ok) throw new RangeError(`${tx.kind} is refused with ${verdict.code}`);
      return verdict.value;
    },
    balanceOf: ({ id }) => accountOf(ledger.overlay, id).balance,
    vaultOf: ({ id }) => accountOf(ledger.overlay, id).vault,
    openChannel(amount, changes = {}) {
      const allocation = { ...allocationOf(payer, receiver, amount), ...changes };
      ledger.done(world.tx('vault_deposit', payer, { amount, allocations: [allocation] }));
      return channelOfAllocation(network, payer, allocation);
    },
    fund: (changes) =>
      world.tx('channel_fund', payer, { ...allocationOf(payer, receiver, 10n), ...changes }),
    claim: (...rows) =>
      world.tx('channel_claim', stranger, claimOf(network, { payer, receiver }, rows)),
    init: (channelId, amount, from = payer) =>
      world.tx('withdraw_init', from, { channelId, amount }),
    finalize: (channelId) => world.tx('withdraw_finalize', stranger, { channelId }),
    refund(channelId, amount, refundNonce) {
      const body = refundOf(network, receiver, { channelId, amount, refundNonce });
      return world.tx('channel_refund', stranger, body);
    },
  };
  return ledger;
}
