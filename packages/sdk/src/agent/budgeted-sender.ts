/** Transactions within a budget: what one takes out of the agent's hands, and its fee, is held before it is signed. */
import { hex, randomBytes } from '@aitbc/primitives';
import {
  asAppError,
  type ChainParams,
  type ErrorCode,
  type Hex,
  type TxBody,
  type TxKind,
} from '@aitbc/protocol';
import type { NodeClient } from '../chain/node-client.ts';
import { feeOf, type TxSender } from '../chain/tx-sender.ts';
import type { Budget } from './budget.ts';

/** Answers after which the transaction may be on chain all the same. */
const unclear: readonly ErrorCode[] = [
  'UNAVAILABLE',
  'TIMEOUT',
  'CANCELLED',
  'ANSWER_INVALID',
  'INTERNAL',
];

/** What a transaction gives away beside its fee, nait. Money that stays the payer's is not given away. */
export function givenAwayBy(self: Hex, kind: TxKind, body: unknown): bigint {
  if (kind === 'transfer' || kind === 'mandate_transfer') {
    const { to, amount } = body as TxBody<'transfer'>;
    return to === self ? 0n : amount;
  }
  return kind === 'task_post' ? (body as TxBody<'task_post'>).reward : 0n;
}

/** A sender that asks the budget first. Throws BUDGET_EXCEEDED beside what the sender throws. */
export function createBudgetedSender(
  sender: TxSender,
  { node, budget }: { readonly node: Pick<NodeClient, 'network'>; readonly budget: Budget },
): TxSender {
  const { signer } = sender;
  const costOf = (params: ChainParams, kind: TxKind, body: unknown) =>
    givenAwayBy(signer.accountId, kind, body) + feeOf(params, kind, body);
  return {
    signer,
    async send(kind, body, options) {
      const { params } = await node.network();
      const cost = costOf(params, kind, body);
      const hold = await budget.hold(`tx ${hex(randomBytes(8))}`, cost);
      try {
        const status = await sender.send(kind, body, options);
        await hold.settle(cost);
        return status;
      } catch (error) {
        await hold.settle(unclear.includes(asAppError(error).code) ? cost : 0n);
        throw error;
      }
    },
  };
}
