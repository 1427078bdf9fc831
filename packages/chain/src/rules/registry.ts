/**
 * Agents, providers and bonds. A provider is an agent that locked a bond; the bond stays locked until the
 * provider unbonds and `unbondingMs` of chain time went by, then anyone may send the transaction that pays it
 * back. Only then may the provider register again. See docs/spec/chain.md, "Agents and providers".
 */
import { amountFromText, amountMax } from '@aitbc/primitives';
import {
  accept,
  addressOf,
  auditParamsOf,
  type Hex,
  refuse,
  type TxBody,
  type Verdict,
} from '@aitbc/protocol';
import { agentOf, providerOf } from '../state.ts';
import { checkKey } from './channel.ts';
import { dateInForce } from './dates.ts';
import { applied, credit, type Rule, type Step } from './rule.ts';

export const agentRegister: Rule<'agent_register'> = {
  apply({ overlay, from, body }) {
    overlay.put('agent', from, body);
    return applied;
  },
};

export const providerRegister: Rule<'provider_register'> = {
  form: (_from, { authorizer }) => checkKey(authorizer, 'authorizer'),
  spend: ({ bond }) => bond,
  apply(step) {
    const { overlay, from, body } = step;
    const bond = bondAfter(step);
    if (!bond.ok) return bond;
    const kept = keepFormerKey(step);
    if (!kept.ok) return kept;
    const { authorizer, endpoint }: TxBody<'provider_register'> = body;
    overlay.put('provider', from, { authorizer, endpoint, bond: bond.value, unbondDueMs: 0 });
    return applied;
  },
};

/** Bond that the provider would have, nait. */
function bondAfter({ overlay, context, from, body }: Step<'provider_register'>): Verdict<bigint> {
  if (!agentOf(overlay, from)) return refuse('AGENT_UNKNOWN', { account: addressOf(from) });
  const known = providerOf(overlay, from);
  if (known && known.unbondDueMs > 0) return unbonding(from);
  const bond = (known?.bond ?? 0n) + body.bond;
  const expected = amountFromText(context.params.providerBondMin) ?? amountMax;
  if (bond > amountMax) return refuse('TX_AMOUNT_OVERFLOW');
  return bond < expected
    ? refuse('PROVIDER_BOND_LOW', { got: bond, expected })
    : { ok: true, value: bond };
}

/**
 * A key that is replaced stays known as long as its receipts can be audited, or a cheat would change its key when it
 * is found out. One former key is kept, so a change to a third one waits until that one is forgotten.
 */
function keepFormerKey({ overlay, context, from, body }: Step<'provider_register'>): Verdict<true> {
  const { params, timeMs: now } = context;
  const known = providerOf(overlay, from);
  if (!known || known.authorizer === body.authorizer) return accept(true);
  const former = overlay.entry('formerKey', from);
  const dueAt = dateInForce({ overlay, context }, former?.untilMs ?? 0);
  if (now < dueAt && former?.authorizer !== body.authorizer) {
    return refuse('PROVIDER_KEY_FRESH', { account: addressOf(from), dueAt, now });
  }
  const untilMs = now + auditParamsOf(params).receiptAgeMs;
  overlay.put('formerKey', from, { authorizer: known.authorizer, untilMs });
  return accept(true);
}

export const providerUnbond: Rule<'provider_unbond'> = {
  apply({ overlay, context, from }) {
    const known = providerOf(overlay, from);
    if (!known) return unknown(from);
    if (known.unbondDueMs > 0) return unbonding(from);
    if (known.bond === 0n) return unknown(from);
    const unbondDueMs = context.timeMs + context.params.unbondingMs;
    overlay.put('provider', from, { ...known, unbondDueMs });
    return applied;
  },
};

/** An audit whose votes waited for the chain is judged a phase later; one more is for the blocks in between. */
const phasesAfterHalt = 2;

export const bondWithdraw: Rule<'bond_withdraw'> = {
  apply({ overlay, context, body }) {
    const known = providerOf(overlay, body.provider);
    if (!known) return unknown(body.provider);
    const auditMs = phasesAfterHalt * auditParamsOf(context.params).voteMs;
    const dateMs = dateInForce({ overlay, context }, known.unbondDueMs, auditMs);
    if (known.unbondDueMs === 0 || context.timeMs < dateMs) {
      const dueAt = dateMs || 'a time that provider_unbond sets';
      const account = addressOf(body.provider);
      return refuse('PROVIDER_BOND_LOCKED', { account, dueAt, now: context.timeMs });
    }
    overlay.put('provider', body.provider, { ...known, bond: 0n, unbondDueMs: 0 });
    const paid = credit(overlay, body.provider, { balance: known.bond });
    return paid.ok ? applied : paid;
  },
};

function unknown(provider: Hex): Verdict<never> {
  return refuse('PROVIDER_UNKNOWN', { account: addressOf(provider) });
}

function unbonding(provider: Hex): Verdict<never> {
  return refuse('PROVIDER_UNBONDING', { account: addressOf(provider) });
}
