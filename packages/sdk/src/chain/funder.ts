/**
 * How money gets into the channels of a buyer, and whose it is.
 *
 * From the own vault: the sender is the payer. What the vault lacks comes from the balance, in the same transaction.
 *
 * Under a mandate: the payer is an owner who is not here. The sender is its sub-key, which also signs the vouchers, and
 * reaches nothing but the owner's vault, within what the chain allows. It never asks for more than the mandate leaves, because a
 * refused transaction costs a round trip and says less: what is left is put in as long as that is enough.
 *
 * See docs/spec/chain.md, "Mandates".
 */
import {
  type Allocation,
  AppError,
  accountIdOf,
  type Hex,
  type Mandate,
  mandateFromJson,
  unwrap,
} from '@aitbc/protocol';
import { askAgain } from './ask-again.ts';
import type { NodeRpc } from './node-client.ts';
import { assertFinal, type TxSender } from './tx-sender.ts';

const fundWaitMs = 20_000;

/** Who pays for channels, and the way to fill them. */
export interface Funder {
  /** The account whose channels these are. */
  readonly payer: { readonly accountId: Hex; readonly address: string };
  /**
   * Puts the amount of the allocation into its channel, or less where the money is limited, but at least `leastNait`.
   * Returns when that is final. Throws the refusals of the chain, UNAVAILABLE, TIMEOUT; under a mandate
   * MANDATE_EXCEEDED and TX_FUNDS_INSUFFICIENT when `leastNait` is not to be had.
   */
  fund(allocation: Allocation, leastNait: bigint): Promise<void>;
}

/** The methods of a node that funders ask. */
export interface FunderNode {
  readonly rpc: Pick<NodeRpc, 'state_getAccount' | 'state_getMandate'>;
}

/** Fills channels from the vault of the sender, and the vault with `vaultFund` nait when it holds too little. */
export function createVaultFunder(deps: {
  readonly node: FunderNode;
  readonly sender: TxSender;
  readonly vaultFund: bigint;
}): Funder {
  const { node, sender, vaultFund } = deps;
  const { accountId, address } = sender.signer;
  const options = { waitMs: fundWaitMs };
  return {
    payer: { accountId, address },
    async fund(allocation) {
      const { amount } = allocation;
      const { vault } = await askAgain(() => node.rpc.state_getAccount({ address }));
      const deposit = { amount: amount > vaultFund ? amount : vaultFund };
      const status =
        BigInt(vault) >= amount
          ? await sender.send('channel_fund', allocation, options)
          : await sender.send('vault_deposit', { ...deposit, allocations: [allocation] }, options);
      assertFinal(status, fundWaitMs);
    },
  };
}

/** Fills channels of `owner` under the mandate of the sender's key. The allocations must name that key. */
export function createMandateFunder(deps: {
  readonly node: FunderNode;
  /** Sends for the sub-key. */
  readonly sender: TxSender;
  /** Address of who gave the mandate. */
  readonly owner: string;
  readonly nowMs: () => number;
}): Funder {
  const { node, sender, owner, nowMs } = deps;
  const accountId = unwrap(accountIdOf(owner));
  const names = { owner, subKey: sender.signer.address };
  return {
    payer: { accountId, address: owner },
    async fund(allocation, leastNait) {
      const [json, { vault }] = await Promise.all([
        askAgain(() => node.rpc.state_getMandate(names)),
        askAgain(() => node.rpc.state_getAccount({ address: owner })),
      ]);
      const needed = leastNait > 1n ? leastNait : 1n;
      const room = roomOf(mandateFromJson(json), nowMs());
      if (room.available < needed) throw new AppError('MANDATE_EXCEEDED', { ...room, needed });
      const inVault = BigInt(vault);
      if (inVault < needed) {
        const account = `the vault of ${owner}`;
        throw new AppError('TX_FUNDS_INSUFFICIENT', { account, available: inVault, needed });
      }
      const amount = smallest(allocation.amount, room.available, inVault);
      const body = { owner: accountId, ...allocation, amount };
      assertFinal(await sender.send('mandate_fund', body, { waitMs: fundWaitMs }), fundWaitMs);
    },
  };
}

/** The tightest of the chain's limits and what it leaves at a time, nait. */
export interface MandateRoom {
  readonly scope: 'single' | 'window' | 'total';
  readonly available: bigint;
}

/** What a mandate lets its key move at once, at a time of the chain's clock. */
export function roomOf(mandate: Mandate, nowMs: number): MandateRoom {
  const { channelMaxNait, windowMaxNait, totalMaxNait, spentNait, windowStartMs } = mandate;
  const isOver = nowMs - windowStartMs >= mandate.windowMs;
  const inWindow = isOver ? 0n : mandate.windowSpentNait;
  const rooms: readonly MandateRoom[] = [
    { scope: 'single', available: channelMaxNait },
    { scope: 'window', available: left(windowMaxNait, inWindow) },
    { scope: 'total', available: left(totalMaxNait, spentNait) },
  ];
  return rooms.reduce((tightest, room) => (room.available < tightest.available ? room : tightest));
}

function left(max: bigint, spent: bigint): bigint {
  return spent < max ? max - spent : 0n;
}

function smallest(...amounts: readonly [bigint, ...bigint[]]): bigint {
  return amounts.reduce((least, amount) => (amount < least ? amount : least));
}
