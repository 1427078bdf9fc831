/**
 * Fraud that receipts prove: one key signed two ranges of one job that overlap and are not the same range of the same
 * text. Receipts of an honest provider tile, and it has one chain of them for each job, so it never signs both.
 *
 * Two providers may well have signed the same positions: one signs what it sent, the buyer goes on from what it
 * received (in a proof such receipts stand as surplus). That proves nothing against either of them, and is not looked
 * for. Nor is a range without tokens. Surplus of one key is judged like all it signed: it chains to its other receipts.
 *
 * Limit: a provider that lost its newest receipts by a power cut signs anew for tokens that it has signed before, when
 * its buyer acknowledges fewer of them. So this is a reason to stop buying, and no rule of the chain
 * takes a bond for it. See docs/spec/payments.md, "Proof of a job".
 */
import { accept, refuse, type Verdict } from '../errors.ts';
import type { Network } from '../network.ts';
import { type ReceiptPayload, type SignedReceipt, verifyReceipt } from './receipt.ts';

/** Two receipts of one key that cannot both be true. */
export interface FraudProof {
  readonly first: SignedReceipt;
  readonly second: SignedReceipt;
}

/** Two receipts that contradict each other, undefined when there are none; forged ones are passed over. */
export function findFraud(
  network: Network,
  left: readonly SignedReceipt[],
  right: readonly SignedReceipt[],
): FraudProof | undefined {
  const groups = new Map<string, SignedReceipt[]>();
  for (const receipt of [...left, ...right]) {
    if (!verifyReceipt(network, receipt, receipt.signer).ok) continue;
    const key = receipt.signer + receipt.payload.jobId;
    const group = groups.get(key);
    if (group) group.push(receipt);
    else groups.set(key, [receipt]);
  }
  for (const group of groups.values()) {
    const found = contradictionIn(group);
    if (found) return found;
  }
  return undefined;
}

/** In order of their beginnings, a range overlaps an earlier one when it begins before the farthest end so far. */
function contradictionIn(group: readonly SignedReceipt[]): FraudProof | undefined {
  const sorted = group
    .filter(({ payload }) => payload.from < payload.to)
    .toSorted((a, b) => a.payload.from - b.payload.from || a.payload.to - b.payload.to);
  let first: SignedReceipt | undefined;
  for (const second of sorted) {
    if (first && contradicts(first.payload, second.payload)) return { first, second };
    if (!first || second.payload.to > first.payload.to) first = second;
  }
  return undefined;
}

/** True when one key cannot have signed both honestly; both are of one job. */
export function contradicts(first: ReceiptPayload, second: ReceiptPayload): boolean {
  if (Math.max(first.from, second.from) >= Math.min(first.to, second.to)) return false;
  const names = ['from', 'to', 'prefixHash', 'textHash'] as const;
  return names.some((name) => first[name] !== second[name]);
}

/** Checks a fraud proof from somebody else. Refusal: RECEIPT_INVALID. */
export function verifyFraud(network: Network, { first, second }: FraudProof): Verdict<FraudProof> {
  const signed = [first, second].map((one) => verifyReceipt(network, one, first.signer));
  const wrong = signed.find((one) => !one.ok);
  if (wrong && !wrong.ok) return wrong;
  const isFraud =
    first.payload.jobId === second.payload.jobId && contradicts(first.payload, second.payload);
  if (isFraud) return accept({ first, second });
  return refuse('RECEIPT_INVALID', { reason: 'the receipts do not contradict each other' });
}
