/** The oracle on what can be said of a transaction without the state. See docs/spec/chain.md, "Kinds". */
import type { Hex, UnsignedTx } from '@aitbc/protocol';
import { commitForm, openForm, revealForm } from './oracle-audit.ts';
import { allocationForm } from './oracle-money.ts';
import { changeForm, proposeForm, sharingForm } from './oracle-multisig.ts';
import { need, needKey } from './oracle-state.ts';
import { taskForm } from './oracle-work.ts';

/** Kind and body of a transaction or of an operation of a batch. */
export type Action = {
  [K in UnsignedTx['kind']]: Pick<Extract<UnsignedTx, { kind: K }>, 'kind' | 'body'>;
}[UnsignedTx['kind']];

type BodyOf<K extends Action['kind']> = Extract<Action, { kind: K }>['body'];
type Forms = { readonly [K in Action['kind']]?: (from: Hex, body: BodyOf<K>) => void };

const amountForm = (_from: Hex, { amount }: { amount: bigint }): void =>
  need(amount > 0n, 'TX_AMOUNT_ZERO');

const forms: Forms = {
  transfer(from, { to, amount }) {
    need(to !== from, 'TX_SELF');
    need(amount > 0n, 'TX_AMOUNT_ZERO');
  },
  vault_deposit(_from, { amount, allocations }) {
    need(amount > 0n || allocations.length > 0, 'TX_AMOUNT_ZERO');
    allocations.forEach(allocationForm);
  },
  vault_withdraw: amountForm,
  channel_fund: (_from, body) => allocationForm(body),
  channel_claim: (_from, { rows }) => need(rows.length > 0, 'CLAIM_EMPTY'),
  channel_refund: amountForm,
  withdraw_init: amountForm,
  provider_register: (_from, { authorizer }) => needKey(authorizer),
  batch(from, { operations }) {
    need(operations.length > 0, 'BATCH_EMPTY');
    for (const operation of operations) formOf(from, operation);
  },
  mandate_grant(from, { subKey, windowMs, allows, models }) {
    const isSound = subKey !== from && windowMs > 0 && allows >= 1 && allows <= 3;
    need(isSound && models.every(({ model }) => model.length > 0), 'MANDATE_INVALID');
    needKey(subKey);
  },
  mandate_fund(from, body) {
    need(body.payerAuthorizer === from, 'MANDATE_FORBIDDEN');
    allocationForm(body);
  },
  mandate_transfer(_from, { owner, to, amount }) {
    need(to !== owner, 'TX_SELF');
    need(amount > 0n, 'TX_AMOUNT_ZERO');
  },
  task_post: taskForm,
  validator_bond(_from, { validator, stake }) {
    needKey(validator);
    need(stake > 0n, 'TX_AMOUNT_ZERO');
  },
  validator_unbond: amountForm,
  evidence_submit: (_from, { validator }) => needKey(validator),
  audit_open: openForm,
  audit_commit: commitForm,
  audit_reveal: revealForm,
  multisig_create: (_from, body) => sharingForm(body),
  multisig_propose: (_from, body) => proposeForm({ form: formOf, spent: spentBy }, body),
  multisig_change: changeForm,
};

/** Refuses what no state can make right. */
export function formOf(from: Hex, { kind, body }: Action): void {
  const form = forms[kind] as ((from: Hex, body: Action['body']) => void) | undefined;
  form?.(from, body);
}

/** nait that the kind takes from the balance of its sender. */
export function spentBy(action: Action): bigint {
  switch (action.kind) {
    case 'transfer':
    case 'vault_deposit':
      return action.body.amount;
    case 'provider_register':
      return action.body.bond;
    case 'task_post':
      return action.body.reward;
    case 'validator_bond':
      return action.body.stake;
    case 'audit_open':
    case 'audit_appeal':
      return action.body.deposit;
    case 'batch':
      return action.body.operations.reduce((sum, operation) => sum + spentBy(operation), 0n);
    default:
      return 0n;
  }
}
