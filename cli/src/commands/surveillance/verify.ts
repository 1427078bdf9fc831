/** `aitbc surveillance verify`: judges an alert again, over nothing but its evidence. */
import { AppError, asAppError, unwrap } from '@aitbc/protocol';
import { defineCommand } from '../../command/define-command.ts';
import { fetchEvidence } from '../../surveillance/fetch-evidence.ts';
import { counted } from '../../wording.ts';

const unprovenExit = 8;
const unprovenCodes = new Set([
  'ALERT_UNPROVEN',
  'RECEIPT_INVALID',
  'NOT_FOUND',
  'PROVIDER_UNKNOWN',
]);

export default defineCommand({
  summary: 'Fetches the evidence of an alert and judges it again',
  details:
    'Transactions come from the node, events from the coordinator; receipts are held against the signed ones that the coordinator still has. A fresh detector must say the same alert over this alone. Exit code 8 when it does not hold. The times of buyers, and that no event was left out, stay the word of the coordinator.',
  arguments: [{ name: 'id', help: 'id of the alert' }],
  examples: [
    {
      line: 'aitbc surveillance verify 1e3877346bf3b1ba2528a52fc865dbd8f631c44fc9410237ff1f54e35dd5e1c6',
      note: 'does it hold?',
    },
  ],
  async run({ out, clients, signal }, { args }) {
    const { coordinator, node } = await clients();
    const { detectors, recheck } = await import('@aitbc/market');
    const alert = await coordinator.showAlert({ id: args.id }, { signal });
    const { id, pattern } = alert;
    const detector = detectors.find(({ name }) => name === pattern);
    if (!detector) throw new AppError('NOT_FOUND', { what: `detector ${pattern}` });
    const named = { events: alert.evidence.events.length, txs: alert.evidence.txs.length };
    let [reason, receipts, signedReceipts] = ['', 0, 0];
    try {
      const evidence = await fetchEvidence(alert, { coordinator, node, signal });
      ({ receipts, signedReceipts } = evidence);
      unwrap(recheck({ alert, events: evidence.events, detector }));
    } catch (error) {
      const known = asAppError(error);
      if (!unprovenCodes.has(known.code)) throw error;
      reason = String(known.facts.reason ?? known.message);
    }
    const holds = reason === '';
    out.result({ holds, id, pattern, reason, ...named, receipts, signedReceipts }, () =>
      [
        `${counted(named.events, 'event')} of the coordinator, ${counted(named.txs, 'transaction')} of the chain`,
        ...(receipts === 0
          ? []
          : [`${signedReceipts} of ${counted(receipts, 'receipt')} checked by signature`]),
        holds
          ? out.style('green', `It holds: ${alert.text}`)
          : out.style('red', `It does not hold: ${reason}`),
      ].join('\n'),
    );
    return holds ? 0 : unprovenExit;
  },
});
