/** A chain in memory for tests: accounts, channels and fees, each transaction final at once and taken once. */
import { hex, keyPairFromSeed } from '@aitbc/primitives';
import {
  AppError,
  accountIdOf,
  addressOf,
  type ChannelConfig,
  type ChannelState,
  type ClaimRow,
  channelIdOf,
  contentIdOf,
  type Hex,
  type Network,
  networkFromHash,
  type SignedTx,
  unwrap,
  verifyTx,
  verifyVoucher,
} from '@aitbc/protocol';
import type { FacilitatorChain, FinalTx } from '../facilitator/facilitator-chain.ts';

/** The chain and what a test may do to it. */
export interface MemoryChain extends FacilitatorChain {
  readonly network: Network;
  readonly channels: Map<Hex, ChannelState>;
  height: number;
  /** Answers of so many submissions are lost after they were done. */
  loseAnswers: number;
  give(account: Hex, amountNait: bigint): void;
  open(config: ChannelConfig, balance: bigint): ChannelState;
  readonly sent: SignedTx[];
}

/** Keys of a number: the same in every run. */
export function keyOf(seed: number): { publicKey: Hex; secretKey: Uint8Array; address: string } {
  const { publicKey, secretKey } = keyPairFromSeed(new Uint8Array(32).fill(seed));
  const account = hex(publicKey);
  return { publicKey: account, secretKey, address: addressOf(account) };
}

const feeNait = 1_000n;

/** An empty chain. */
export function createMemoryChain(
  network = networkFromHash('ait-test', 'c4'.repeat(32)),
): MemoryChain {
  const ledger = createLedger(network);
  const known = new Map<Hex, FinalTx>();
  const chain: MemoryChain = {
    network,
    channels: ledger.channels,
    height: 10,
    loseAnswers: 0,
    sent: [],
    give: ledger.move,
    open(config, balance) {
      const channelId = channelIdOf(network, config);
      const more = { totalClaimed: 0n, withdrawAmount: 0n, withdrawDueMs: 0, refundNonce: 0 };
      const channel = { ...config, ...more, channelId, balance, closed: false };
      ledger.channels.set(channelId, channel);
      return channel;
    },
    status: async () => ({ height: chain.height, transferFee: feeNait, claimFee: feeNait + 100n }),
    channel: async (channelId) => ledger.channels.get(channelId),
    balance: async (address) => ledger.balances.get(unwrap(accountIdOf(address))) ?? 0n,
    async submit(tx) {
      const final = { txId: tx.txId, rows: ledger.apply(tx, chain.height) };
      chain.sent.push(tx);
      known.set(tx.txId, final);
      if (chain.loseAnswers === 0) return final;
      chain.loseAnswers -= 1;
      throw new AppError('TIMEOUT', { what: 'test chain', timeoutMs: 1 });
    },
    final: async (txId) => known.get(txId),
  };
  return chain;
}

function createLedger(network: Network) {
  const balances = new Map<Hex, bigint>();
  const channels = new Map<Hex, ChannelState>();
  const contents = new Set<Hex>();
  const move = (account: Hex, by: bigint): void => {
    const balance = (balances.get(account) ?? 0n) + by;
    if (balance < 0n) throw new AppError('TX_FUNDS_INSUFFICIENT', { balance, needed: -by });
    balances.set(account, balance);
  };
  const claim = (row: ClaimRow): { channelId: Hex; code: string | null } => {
    const { channelId, totalClaimed, maxClaimable, context, voucherSignature } = row;
    const channel = channels.get(channelId);
    const voucher = { channelId, maxClaimable, context, signature: voucherSignature };
    const isGood =
      channel &&
      totalClaimed > channel.totalClaimed &&
      totalClaimed <= maxClaimable &&
      maxClaimable <= channel.balance &&
      verifyVoucher(network, voucher, channel.payerAuthorizer);
    if (!isGood) return { channelId, code: 'CLAIM_NOT_RAISED' };
    move(channel.receiver, totalClaimed - channel.totalClaimed);
    channels.set(channelId, { ...channel, totalClaimed });
    return { channelId, code: null };
  };
  const apply = (tx: SignedTx, height: number): FinalTx['rows'] => {
    const { from, fee, validUntil } = tx;
    if (!verifyTx(network, tx)) throw new AppError('TX_SIGNATURE_INVALID');
    if (validUntil < height) throw new AppError('TX_EXPIRED', { validUntil, height });
    if (contents.has(contentIdOf(tx))) throw new AppError('TX_DUPLICATE');
    const transfers = transfersOf(tx);
    move(from, -transfers.reduce((sum, { amount }) => sum + amount, fee));
    for (const { to, amount } of transfers) move(to, amount);
    contents.add(contentIdOf(tx));
    return tx.kind === 'channel_claim' ? tx.body.rows.map(claim) : [];
  };
  return { balances, channels, move, apply };
}

function transfersOf(tx: SignedTx): readonly { to: Hex; amount: bigint }[] {
  if (tx.kind === 'transfer') return [tx.body];
  if (tx.kind !== 'batch') return [];
  return tx.body.operations.flatMap(({ kind, body }) => (kind === 'transfer' ? [body] : []));
}
