/**
 * Judges an alert again, over nothing but its evidence: a fresh detector with the thresholds of the alert is fed with the
 * transactions and then the events, and must say the same alert at the last of them.
 *
 * Whoever re-checks gets the facts from where they are safe: transactions from a node, receipts with the provider's
 * signature. What stays is the word of the coordinator for the times of buyers and for events that only it saw, and
 * that it left out nothing between them.
 */
import { type Alert, accept, refuse, type Verdict } from '@aitbc/protocol';
import { alertIdOf, type Detector, type WatchedEvent } from './detector.ts';
import { isChainEvent } from './receipt-event.ts';

/** What a re-check is about. */
export interface RecheckInput {
  readonly alert: Alert;
  /** What the evidence names, in any order. */
  readonly events: readonly WatchedEvent[];
  readonly detector: Detector;
}

/** Says whether the alert holds. Refusal: ALERT_UNPROVEN with the reason. */
export function recheck({ alert, events, detector }: RecheckInput): Verdict<true> {
  const fault = (reason: string) => refuse('ALERT_UNPROVEN', { id: alert.id, reason });
  if (detector.name !== alert.pattern) return fault('it is of another detector');
  if (alertIdOf(alert) !== alert.id) return fault('its id is not the hash of its evidence');
  const ordered = inOrder(events);
  const missing = missingIn(alert, ordered);
  if (missing) return fault(`${missing} of its evidence is missing`);
  const watch = detector.create(alert.thresholds, { everyTime: true });
  let last: readonly Alert[] = [];
  for (const event of ordered) last = watch.take(event);
  const [again] = last.filter(({ id }) => id === alert.id);
  if (!again) return fault('the detector does not find it in the evidence alone');
  const said = [again, alert].map(({ level, subjects, confidence }) =>
    JSON.stringify([level, subjects, confidence]),
  );
  return said[0] === said[1] ? accept(true) : fault('it says more than its evidence shows');
}

/** Facts of the chain first, each part in its order. */
function inOrder(events: readonly WatchedEvent[]): WatchedEvent[] {
  const place = (event: WatchedEvent) => (isChainEvent(event) ? 0 : 1);
  return [...events].sort((a, b) => place(a) - place(b) || a.seq - b.seq);
}

function missingIn({ evidence }: Alert, events: readonly WatchedEvent[]): string | undefined {
  const txs = new Set(events.filter(isChainEvent).map(({ txId }) => txId));
  const seqs = new Set(events.filter((event) => !isChainEvent(event)).map(({ seq }) => seq));
  const tx = evidence.txs.find((id) => !txs.has(id));
  if (tx !== undefined) return `transaction ${tx}`;
  const seq = evidence.events.find((one) => !seqs.has(one));
  return seq === undefined ? undefined : `event ${seq}`;
}
