/**
 * What a mandate says of one job: the part of a mandate that only a provider can enforce.
 *
 * The chain limits how much a sub-key moves into channels. From there on the sub-key signs vouchers, and the chain
 * sees those only as sums at a claim. So the provider asks, for every voucher that begins or extends a job
 * on a channel whose `payerAuthorizer` holds a mandate of the payer:
 *   1. does it still hold          MANDATE_REVOKED, MANDATE_EXPIRED
 *   2. model and provider          MANDATE_FORBIDDEN
 *   3. all that the job promises   MANDATE_EXCEEDED (scope `job`)
 *
 * The sums are not asked for here: what is in the channel was counted when it went there. Nor is `allowsChannels`:
 * it says how money may leave the vault, and an owner may fund a channel for a key that has no right to. A provider that
 * does not ask works for itself: it may take what lies in its own channels, up to what the sub-key signs, and no more.
 * See docs/spec/payments.md, "Mandates".
 */
import { addressOf, type Hex, type Mandate, type Refusal, refuse } from '@aitbc/protocol';

/** What a job of a sub-key wants. */
export interface MandatedUse {
  /** Height of the newest final block. */
  readonly height: number;
  readonly model: string;
  /** Account id of the provider. */
  readonly provider: Hex;
  /** All that the vouchers of this job allow at this provider, nait. */
  readonly promised: bigint;
}

/**
 * The reason why a mandate does not allow a job, or its next voucher; undefined when it does. Refusals: MANDATE_REVOKED,
 * MANDATE_EXPIRED, MANDATE_FORBIDDEN, MANDATE_EXCEEDED.
 */
export function checkMandate(mandate: Mandate, use: MandatedUse): Refusal | undefined {
  const { owner, subKey, expiresAtHeight, jobMaxNait } = mandate;
  const { height, promised } = use;
  if (mandate.revoked) {
    return refuse('MANDATE_REVOKED', { owner: addressOf(owner), subKey: addressOf(subKey) });
  }
  if (height > expiresAtHeight) return refuse('MANDATE_EXPIRED', { expiresAtHeight, height });
  const stranger = strangerIn(mandate, use);
  if (stranger) return refuse('MANDATE_FORBIDDEN', { reason: `${stranger} is not on its list` });
  if (jobMaxNait === 0n || promised <= jobMaxNait) return undefined;
  return refuse('MANDATE_EXCEEDED', { scope: 'job', available: jobMaxNait, needed: promised });
}

function strangerIn(
  { models, receivers }: Mandate,
  { model, provider }: MandatedUse,
): string | undefined {
  if (models.length > 0 && !models.includes(model)) return `the model ${model}`;
  if (receivers.length > 0 && !receivers.includes(provider)) {
    return `the provider ${addressOf(provider)}`;
  }
  return undefined;
}
