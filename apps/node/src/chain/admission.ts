/**
 * How a transaction gets in: length and form, duplicate, fee, signature, state, rules of its kind; cheapest
 * first, and nothing is looked up in the state for bytes that nobody signed. A signature is checked here
 * once; blocks are made of admitted transactions only.
 *
 * The rules of a kind are tried on the final state when the transaction is its sender's next: a claim with
 * a hundred bad signatures must not wait for a block that would refuse it unpaid. One that follows
 * waiting transactions of its sender may depend on them and meets its rules when the block is built.
 */
import {
  accountOf,
  type BlockContext,
  feeFloorOf,
  type Mempool,
  type StateReader,
  simulateTx,
} from '@aitbc/chain';
import {
  accept,
  addressOf,
  type ChainParams,
  decodeTx,
  type Hex,
  type Network,
  refuse,
  type SignedTx,
  type Verdict,
  verifyTx,
} from '@aitbc/protocol';
import type { ChainView } from './chain-view.ts';

/** What admission looks at. */
export interface AdmissionDeps {
  readonly network: Network;
  readonly params: ChainParams;
  readonly mempool: Mempool;
  readonly reader: StateReader;
  readonly chain: Pick<ChainView, 'headHeight' | 'placeOf'>;
  /** The block that would be built now. */
  readonly nextBlock: () => BlockContext;
  /** Told about each transaction that got in. */
  readonly onAdmitted: (txId: Hex) => void;
}

/** Takes the bytes of a signed transaction into the mempool, or says why not. */
export type Admit = (bytes: Uint8Array) => Verdict<SignedTx>;

/** Admission into one mempool. */
export function createAdmission(deps: AdmissionDeps): Admit {
  const { network, params, mempool, reader, chain } = deps;
  return (bytes) => {
    const decoded = decodeTx(network, bytes);
    if (!decoded.ok) return decoded;
    const tx = decoded.value;
    if (mempool.get(tx.txId) || chain.placeOf(tx.txId)) return refuse('TX_DUPLICATE');
    const expected = feeFloorOf(params, tx);
    if (tx.fee < expected) return refuse('TX_FEE_TOO_LOW', { got: tx.fee, expected });
    if (!verifyTx(network, tx)) return refuse('TX_SIGNATURE_INVALID', { from: addressOf(tx.from) });
    const checked = mempool.check(tx, reader, { height: chain.headHeight() + 1 });
    if (!checked.ok) return checked;
    const allowed = tryRules(deps, tx);
    if (!allowed.ok) return allowed;
    mempool.add(tx);
    deps.onAdmitted(tx.txId);
    return accept(tx);
  };
}

/** A transfer has no rules beyond what the mempool checked already. */
function tryRules({ reader, nextBlock }: AdmissionDeps, tx: SignedTx): Verdict<unknown> {
  const isNext = accountOf(reader, tx.from).nonce === tx.nonce;
  if (tx.kind === 'transfer' || !isNext) return accept(true);
  return simulateTx(reader, nextBlock(), tx).verdict;
}
