/** The steps of a job's life, in order, from all that is known of it. */
import type { GatewayOutput, MarketOutput } from '../../data/sources.ts';
import { amountText, priceText } from '../../format/amounts.ts';
import { counted, spanText } from '../../format/times.ts';
import type { JobReceipt } from './use-receipts.ts';

/** What is known of a job; its buyer's gateway knows most. */
export interface JobKnown {
  readonly receipts: readonly JobReceipt[];
  readonly audit: MarketOutput<'listAudits'>['audits'][number] | undefined;
  readonly log: GatewayOutput<'job'> | undefined;
  readonly proof: GatewayOutput<'proof'> | undefined;
}

/** One step. `atMs` is undefined where only the order is known. */
export interface Step {
  readonly key: string;
  readonly title: string;
  readonly detail: string;
  readonly tone: 'plain' | 'good' | 'wait' | 'bad' | 'accent';
  readonly atMs: number | undefined;
  readonly provider?: string;
  readonly channelId?: string;
  readonly auditId?: string;
}

type Part = NonNullable<JobKnown['proof']>['parts'][number];

const goodOutcomes = ['complete', 'limit', 'client_abort'];

/** All steps. */
export function stepsOf(known: JobKnown): Step[] {
  const { log, proof, receipts } = known;
  const steps: Step[] = [];
  if (log)
    steps.push({
      key: 'asked',
      title: 'Asked',
      detail: `for ${log.model}${log.dialect ? `, in the words of ${log.dialect}` : ''}`,
      tone: 'plain',
      atMs: log.atMs,
    });
  const parts = proof?.parts ?? [];
  if (parts.length > 0) parts.forEach((part, at) => void steps.push(...partSteps(part, at)));
  else receipts.forEach((receipt, at) => void steps.push(...reportedSteps(receipt, at)));
  const settled = settledStep(known);
  if (settled) steps.push(settled);
  const audit = auditStep(known);
  if (audit) steps.push(audit);
  return steps;
}

function partSteps({ offer, receipts }: Part, at: number): Step[] {
  const { price, provider, model, windowTokens } = offer.payload;
  const first = receipts[0]?.payload;
  const last = receipts.at(-1)?.payload;
  const quote = `${priceText(price.inputPerMTok)} AIT in and ${priceText(price.outputPerMTok)} AIT out per million tokens, windows of ${windowTokens}`;
  const moved: Step = {
    key: `moved-${at}`,
    title: 'The answer goes on elsewhere',
    detail: 'the first provider fell silent; no transaction was needed',
    tone: 'bad',
    atMs: undefined,
  };
  const offered: Step = {
    key: `offer-${at}`,
    title: 'Offer',
    detail: `${model}: ${quote}`,
    tone: 'accent',
    atMs: undefined,
    provider,
  };
  const windows = receipts.slice(0, -1).map(
    ({ payload }): Step => ({
      key: `receipt-${at}-${payload.from}`,
      title: `Window ${payload.from} to ${payload.to}`,
      detail: `receipt signed, ${amountText(payload.charged)} due so far`,
      tone: 'plain',
      atMs: payload.atMs,
    }),
  );
  if (!first || !last) return at > 0 ? [moved, offered] : [offered];
  const end: Step = {
    key: `end-${at}`,
    title: `Last receipt: ${last.outcome.replaceAll('_', ' ')}`,
    detail: `tokens ${last.from} to ${last.to}; ${amountText(last.charged)} due for it, ${amountText(last.chargedCumulative)} on the channel so far`,
    tone: goodOutcomes.includes(last.outcome) ? 'good' : 'wait',
    atMs: last.atMs,
    channelId: last.channelId,
  };
  return [...(at > 0 ? [moved] : []), offered, ...windows, end];
}

function reportedSteps(
  {
    provider,
    outputTokens,
    charged,
    firstTokenMs,
    durationMs,
    outcome,
    atMs,
    channelId,
  }: JobReceipt,
  at: number,
): Step[] {
  return [
    {
      key: `reported-${at}`,
      title: `Last receipt: ${outcome.replaceAll('_', ' ')}`,
      detail: `${counted(outputTokens, 'token')}, ${amountText(charged)}; first token after ${spanText(firstTokenMs)}, all after ${spanText(durationMs)}`,
      tone: goodOutcomes.includes(outcome) ? 'good' : 'wait',
      ...{ atMs, provider, channelId },
    },
  ];
}

function settledStep({ log }: JobKnown): Step | undefined {
  if (!log) return undefined;
  const isSettled = log.parts.every((part) => part.isSettled);
  return {
    key: 'settled',
    title: isSettled ? 'Books closed' : 'Open in the books',
    detail: isSettled
      ? `${amountText(log.charged)} in all; what was reserved and not used is free again`
      : 'a provider has not signed its last receipt yet',
    tone: isSettled ? 'good' : 'wait',
    atMs: undefined,
  };
}

function auditStep({ audit }: JobKnown): Step | undefined {
  if (!audit) return undefined;
  const bad = ['guilty', 'accused', 'disputed'].includes(audit.state);
  return {
    key: 'audit',
    title: `Audit: ${audit.state}`,
    detail: `drawn by block ${audit.drawHeight}${audit.auditor ? ', replayed by another provider' : ''}`,
    tone: audit.state === 'honest' || audit.state === 'acquitted' ? 'good' : bad ? 'bad' : 'wait',
    atMs: audit.atMs,
    ...(audit.auditor && { provider: audit.auditor }),
  };
}
