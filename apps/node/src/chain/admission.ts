/**
 * How a transaction gets in: length and form, duplicate, fee, signature, rules of its kind, place in the
 * mempool; cheapest first, and nothing is looked up in the state for bytes that nobody signed. A signature is
 * checked here once, in batches by the workers; blocks of ours are made of admitted transactions only.
 *
 * The rules of a kind are tried on the final state when the transaction is its sender's next: a claim with
 * a hundred bad signatures must not wait for a block that would refuse it unpaid. One that follows
 * waiting transactions of its sender may depend on them and meets its rules when the block is built.
 */
import {
  accountOf,
  type BlockContext,
  feeFloorOf,
  type StateReader,
  simulateTx,
} from '@aitbc/chain';
import {
  accept,
  addressOf,
  decodeTx,
  type Hex,
  type Network,
  refuse,
  type SignedTx,
  type Verdict,
} from '@aitbc/protocol';

/** What admission looks at. */
export interface AdmissionDeps {
  readonly network: Network;
  /** The state that was stored last. */
  readonly reader: StateReader;
  /** True for a transaction that waits or is final. */
  readonly isKnown: (txId: Hex) => boolean;
  /** The block that would be built now. */
  readonly nextBlock: () => BlockContext;
  /** Whether all signatures of a transaction are valid. */
  readonly verify: (tx: SignedTx) => Promise<boolean>;
  /** Hands a checked transaction to the replica; its verdict comes to `settle`. */
  readonly submit: (tx: SignedTx) => void;
}

/** Takes the bytes of a signed transaction into the mempool, or says why not. */
export type Admit = (bytes: Uint8Array) => Promise<Verdict<SignedTx>>;

/** Admission into one mempool. */
export interface Admission {
  readonly admit: Admit;
  /** The replica's verdict on a submitted transaction. */
  settle(txId: Hex, verdict: Verdict<true>): void;
}

type Settle = (verdict: Verdict<true>) => void;

/** Ends a wait without keeping what was waited for. */
const nothing = (): void => {};

/** Admission of one node. */
export function createAdmission(deps: AdmissionDeps): Admission {
  const { network, isKnown, nextBlock, verify, submit } = deps;
  const waiting = new Map<Hex, Settle[]>();
  let before: Promise<void> = Promise.resolve();

  /** Whether it is signed; workers may finish out of order, transactions go on in the order they came. */
  const verifyInTurn = async (tx: SignedTx): Promise<boolean> => {
    const verified = verify(tx);
    const earlier = before;
    before = verified.then(nothing, nothing).then(() => earlier);
    await before;
    return verified;
  };

  const place = (tx: SignedTx): Promise<Verdict<true>> =>
    new Promise((resolve) => {
      waiting.set(tx.txId, [...(waiting.get(tx.txId) ?? []), resolve]);
      submit(tx);
    });
  return {
    async admit(bytes) {
      const decoded = decodeTx(network, bytes);
      if (!decoded.ok) return decoded;
      const tx = decoded.value;
      if (isKnown(tx.txId)) return refuse('TX_DUPLICATE');
      const expected = feeFloorOf(nextBlock().params, tx);
      if (tx.fee < expected) return refuse('TX_FEE_TOO_LOW', { got: tx.fee, expected });
      if (!(await verifyInTurn(tx)))
        return refuse('TX_SIGNATURE_INVALID', { from: addressOf(tx.from) });
      const allowed = tryRules(deps, tx);
      if (!allowed.ok) return allowed;
      const placed = await place(tx);
      return placed.ok ? accept(tx) : placed;
    },
    settle(txId, verdict) {
      const resolvers = waiting.get(txId) ?? [];
      waiting.delete(txId);
      for (const resolve of resolvers) resolve(verdict);
    },
  };
}

/** A transfer has no rules beyond what the mempool checks. */
function tryRules({ reader, nextBlock }: AdmissionDeps, tx: SignedTx): Verdict<unknown> {
  if (tx.kind === 'transfer' || (tx.lane ?? 0) !== 0) return accept(true);
  if (accountOf(reader, tx.from).nonce !== tx.nonce) return accept(true);
  return simulateTx(reader, nextBlock(), tx).verdict;
}
