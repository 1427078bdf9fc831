/** What a facilitator asks of its chain, and a client of it from JSON-RPC calls. */
import { base64 } from '@aitbc/primitives';
import {
  AppError,
  asAppError,
  type ChannelState,
  channelFromJson,
  type Hex,
  type nodeRpc,
  type OutputOf,
  type SignedTx,
} from '@aitbc/protocol';

/** Height and fees of the chain. */
export interface ChainStatus {
  readonly height: number;
  /** Fee of a transfer, nait. */
  readonly transferFee: bigint;
  /** Fee of a claim of one row, nait. */
  readonly claimFee: bigint;
}

/** A transaction that is final. */
export interface FinalTx {
  readonly txId: Hex;
  /** Of a claim: what became of each row. */
  readonly rows: readonly { readonly channelId: Hex; readonly code: string | null }[];
}

/** The chain as a facilitator needs it. Throws UNAVAILABLE or TIMEOUT while the node is away. */
export interface FacilitatorChain {
  status(): Promise<ChainStatus>;
  /** Undefined for an id that the chain does not know. */
  channel(channelId: Hex): Promise<ChannelState | undefined>;
  /** Spendable coins of an account, nait. */
  balance(address: string): Promise<bigint>;
  /** Sends a transaction and waits until it is final. Throws what the chain refuses; TIMEOUT when that is not known. */
  submit(tx: SignedTx): Promise<FinalTx>;
  /** A transaction that is final, undefined for any other. */
  final(txId: Hex): Promise<FinalTx | undefined>;
}

type Rpc = typeof nodeRpc;

/** The calls of a node that are needed; a node client of the SDK has them. */
export interface NodeCalls {
  chain_status(input: Record<string, never>): Promise<OutputOf<Rpc['chain_status']>>;
  state_getChannel(input: { channelId: Hex }): Promise<OutputOf<Rpc['state_getChannel']>>;
  state_getAccount(input: { address: string }): Promise<{ readonly balance: string }>;
  tx_sendAndWait(input: { tx: string; timeoutMs: number }): Promise<OutputOf<Rpc['tx_get']>>;
  tx_get(input: { txId: Hex }): Promise<OutputOf<Rpc['tx_get']>>;
}

const waitMsDefault = 10_000;

/** A facilitator's chain over the calls of a node. */
export function createFacilitatorChain(rpc: NodeCalls, waitMs = waitMsDefault): FacilitatorChain {
  return {
    async status() {
      const { height, params } = await rpc.chain_status({});
      const claimFee = BigInt(params.fees.channel_claim) + BigInt(params.feePerRow);
      return { height, transferFee: BigInt(params.fees.transfer), claimFee };
    },
    channel: (channelId) =>
      orNone('CHANNEL_UNKNOWN', async () =>
        channelFromJson(await rpc.state_getChannel({ channelId })),
      ),
    balance: async (address) => BigInt((await rpc.state_getAccount({ address })).balance),
    async submit({ txId, bytes }) {
      const status = await rpc.tx_sendAndWait({ tx: base64(bytes), timeoutMs: waitMs });
      const final = finalOf(txId, status);
      if (final) return final;
      throw new AppError('TIMEOUT', { what: 'The finality of the transaction', timeoutMs: waitMs });
    },
    final: (txId) => orNone('NOT_FOUND', async () => finalOf(txId, await rpc.tx_get({ txId }))),
  };
}

function finalOf(txId: Hex, { status, receipt }: OutputOf<Rpc['tx_get']>): FinalTx | undefined {
  return status === 'final' ? { txId, rows: receipt?.rows ?? [] } : undefined;
}

async function orNone<T>(
  none: 'CHANNEL_UNKNOWN' | 'NOT_FOUND',
  ask: () => Promise<T | undefined>,
): Promise<T | undefined> {
  try {
    return await ask();
  } catch (error) {
    if (asAppError(error).code === none) return undefined;
    throw error;
  }
}
