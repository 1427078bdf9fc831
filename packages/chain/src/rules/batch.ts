/**
 * Batches: up to 256 operations under one signature, all of them or none. One signature costs more than a
 * hundred transfers, so this is the honest way past it.
 *
 * What the operations take from the sender's balance is summed up and paid first; then they run in order. So
 * the sum is known without the state, as for every other kind, and an operation cannot live on what an
 * earlier one of the same batch brings into the balance. The first refusal refuses the whole and says which
 * operation it was. Claims and batches have no place in a batch: a claim has rows of its own to report.
 * Proposals of shared accounts run the same way. See docs/spec/chain.md, "batch".
 */
import {
  accept,
  type Hex,
  type MultisigOperation,
  type Refusal,
  refuse,
  type TxKind,
  type Verdict,
} from '@aitbc/protocol';
import { applied, type Outcome, type Rule, type Step } from './rule.ts';

/** Gives the rule of a kind. */
export type RuleOf = (kind: TxKind) => Rule<TxKind>;

/** A rule over the rules of several operations. */
export interface OperationRule {
  readonly form: (from: Hex, operations: readonly MultisigOperation[]) => Verdict<true>;
  readonly spend: (operations: readonly MultisigOperation[]) => bigint;
  readonly apply: (
    step: Pick<Step<TxKind>, 'overlay' | 'context' | 'from'>,
    operations: readonly MultisigOperation[],
  ) => Outcome;
}

/** What operations that happen together are, cost and do. */
export function createOperationRule(ruleOf: RuleOf): OperationRule {
  return {
    form(from, operations) {
      if (operations.length === 0) return refuse('BATCH_EMPTY');
      for (const [index, { kind, body }] of operations.entries()) {
        const checked = ruleOf(kind).form?.(from, body) ?? accept(true);
        if (!checked.ok) return at(index, checked);
      }
      return accept(true);
    },
    spend: (operations) =>
      operations.reduce((sum, { kind, body }) => sum + (ruleOf(kind).spend?.(body) ?? 0n), 0n),
    apply(step, operations) {
      for (const [index, { kind, body }] of operations.entries()) {
        const outcome = ruleOf(kind).apply({ ...step, body });
        if (!outcome.ok) return at(index, outcome);
      }
      return applied;
    },
  };
}

/** The rule of batches over the rules of the single kinds. */
export function createBatchRule(ruleOf: RuleOf): Rule<'batch'> {
  const { form, spend, apply } = createOperationRule(ruleOf);
  return {
    form: (from, { operations }) => form(from, operations),
    spend: ({ operations }) => spend(operations),
    apply: ({ overlay, context, from, body: { operations } }) =>
      apply({ overlay, context, from }, operations),
  };
}

function at(operation: number, { code, facts }: Refusal): Refusal {
  return refuse(code, { ...facts, operation });
}
