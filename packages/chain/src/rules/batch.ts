/**
 * Batches: up to 256 operations under one signature, all of them or none. One signature costs more than a
 * hundred transfers, so this is the honest way past it.
 *
 * What the operations take from the sender's balance is summed up and paid first; then they run in order. So
 * the sum is known without the state, as for every other kind, and an operation cannot live on what an
 * earlier one of the same batch brings into the balance. The first refusal refuses the whole and says which
 * operation it was. Claims and batches have no place in a batch: a claim has rows of its own to report.
 * See docs/spec/chain.md, "batch".
 */
import {
  accept,
  type Hex,
  type Operation,
  type Refusal,
  refuse,
  type TxKind,
  type Verdict,
} from '@aitbc/protocol';
import { applied, type Rule } from './rule.ts';

/** The rule of batches over the rules of the single kinds. */
export function createBatchRule(ruleOf: (kind: TxKind) => Rule<TxKind>): Rule<'batch'> {
  const formOf = (from: Hex, { kind, body }: Operation): Verdict<true> =>
    ruleOf(kind).form?.(from, body) ?? accept(true);
  return {
    form(from, { operations }) {
      if (operations.length === 0) return refuse('BATCH_EMPTY');
      for (const [index, operation] of operations.entries()) {
        const checked = formOf(from, operation);
        if (!checked.ok) return at(index, checked);
      }
      return accept(true);
    },
    spend: ({ operations }) =>
      operations.reduce((sum, { kind, body }) => sum + (ruleOf(kind).spend?.(body) ?? 0n), 0n),
    apply({ overlay, context, from, body: { operations } }) {
      for (const [index, { kind, body }] of operations.entries()) {
        const outcome = ruleOf(kind).apply({ overlay, context, from, body });
        if (!outcome.ok) return at(index, outcome);
      }
      return applied;
    },
  };
}

function at(operation: number, { code, facts }: Refusal): Refusal {
  return refuse(code, { ...facts, operation });
}
