/** Mandates as people read them. */
import { amountOf, type MandateJson } from '@aitbc/protocol';
import { aitText } from '../amounts.ts';
import { durationText } from '../wording.ts';

/** `live`, `revoked` or `over`, at a height of the chain. */
export function mandateState({ revoked, expiresAtHeight }: MandateJson, height: number): string {
  if (revoked) return 'revoked';
  return height > expiresAtHeight ? 'over' : 'live';
}

/** Facts of a mandate, for a table. */
export function mandateFacts(mandate: MandateJson, height: number): string[][] {
  const { spentNait, windowSpentNait, windowMs, jobMaxNait } = mandate;
  const ways = [
    ...(mandate.allowsChannels ? ['into channels'] : []),
    ...(mandate.allowsTransfers ? ['by transfers'] : []),
  ];
  return [
    ['owner', mandate.owner],
    ['sub-key', mandate.subKey],
    ['state', `${mandateState(mandate, height)}, until height ${mandate.expiresAtHeight}`],
    ['spends', ways.join(' and ')],
    ['in all', `${aitText(mandate.totalMaxNait)}, of which ${aitText(spentNait)} are spent`],
    [
      'in a window',
      `${aitText(mandate.windowMaxNait)} in ${durationText(windowMs)}, ${aitText(windowSpentNait)} in the last one`,
    ],
    ['at a time', aitText(mandate.channelMaxNait)],
    ['for a job', amountOf(jobMaxNait) === 0n ? 'no bound of its own' : aitText(jobMaxNait)],
    ['models', mandate.models.join(', ') || 'any'],
    ['receivers', mandate.receivers.join(', ') || 'anyone'],
  ];
}
