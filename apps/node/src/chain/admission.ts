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
  decodeOwnTx,
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
  readonly isKnown: (tx: SignedTx) => boolean;
  /** The block that would be built now. */
  readonly nextBlock: () => BlockContext;
  /** Whether all signatures of a transaction are valid. */
  readonly verify: (tx: SignedTx) => Promise<boolean>;
  /** Hands a checked transaction to the replica; its verdict comes to `settle`. */
  readonly submit: (tx: SignedTx) => void;
}

/** Takes the bytes of a signed transaction into the mempool, or says why not. It keeps the bytes, which must not change. */
export type Admit = (bytes: Uint8Array) => Promise<Verdict<SignedTx>>;

/** Admission into one mempool. */
export interface Admission {
  readonly admit: Admit;
  /** The replica's verdict on a submitted transaction. */
  settle(txId: Hex, verdict: Verdict<true>): void;
}

/** A transaction on its way in, in the order they came. */
interface Newcomer {
  readonly tx: SignedTx;
  readonly answer: (verdict: Verdict<SignedTx>) => void;
  /** Undefined while it is checked. */
  isSigned: boolean | undefined;
}

/**
 * Admission of one node. A transaction waits here with one promise, the caller's: of a chain of them for each
 * step the promises would cost more than the steps.
 */
export function createAdmission(deps: AdmissionDeps): Admission {
  const { network, isKnown, nextBlock, verify, submit } = deps;
  const line: Newcomer[] = [];
  const placed = new Map<Hex, Newcomer[]>();

  /** Workers may finish out of order; transactions go on in the order they came. */
  const moveUp = (): void => {
    let ready = 0;
    while (line[ready] && line[ready]?.isSigned !== undefined) ready += 1;
    for (const newcomer of line.splice(0, ready)) goOn(newcomer);
  };
  const goOn = (newcomer: Newcomer): void => {
    const { tx, answer, isSigned } = newcomer;
    const allowed = isSigned
      ? tryRules(deps, tx)
      : refuse('TX_SIGNATURE_INVALID', { from: addressOf(tx.from) });
    if (!allowed.ok) {
      answer(allowed);
      return;
    }
    const others = placed.get(tx.txId);
    if (others) others.push(newcomer);
    else placed.set(tx.txId, [newcomer]);
    submit(tx);
  };
  const enter = (tx: SignedTx): Promise<Verdict<SignedTx>> =>
    new Promise((answer, fail) => {
      const newcomer: Newcomer = { tx, answer, isSigned: undefined };
      line.push(newcomer);
      const checked = (isSigned: boolean): void => {
        newcomer.isSigned = isSigned;
        if (line[0] === newcomer) moveUp();
      };
      verify(tx).then(checked, (error: unknown) => {
        fail(error);
        checked(false);
      });
    });
  return {
    async admit(bytes) {
      const decoded = decodeOwnTx(network, bytes);
      if (!decoded.ok) return decoded;
      const tx = decoded.value;
      if (isKnown(tx)) return refuse('TX_DUPLICATE');
      const expected = feeFloorOf(nextBlock().params, tx);
      if (tx.fee < expected) return refuse('TX_FEE_TOO_LOW', { got: tx.fee, expected });
      return enter(tx);
    },
    settle(txId, verdict) {
      const newcomers = placed.get(txId) ?? [];
      placed.delete(txId);
      for (const { tx, answer } of newcomers) answer(verdict.ok ? accept(tx) : verdict);
    },
  };
}

/** A transfer has no rules beyond what the mempool checks. */
function tryRules({ reader, nextBlock }: AdmissionDeps, tx: SignedTx): Verdict<unknown> {
  if (tx.kind === 'transfer' || (tx.lane ?? 0) !== 0) return accept(true);
  if (accountOf(reader, tx.from).nonce !== tx.nonce) return accept(true);
  return simulateTx(reader, nextBlock(), tx).verdict;
}
