/** Kinds of events that several detectors read. */
import type { MarketEvent } from '@aitbc/protocol';
import type { ChainEvent, WatchedEvent, WatchedKind } from './detector.ts';

/** Facts of one kind. */
export type FactsOf<K extends WatchedKind> = Extract<WatchedEvent['facts'], { readonly kind: K }>;

/** An event of the market with facts of one kind. */
export type MarketEventOf<K extends MarketEvent['facts']['kind']> = Omit<MarketEvent, 'facts'> & {
  readonly facts: FactsOf<K>;
};

/** A receipt that a buyer reported. */
export type ReceiptEvent = MarketEventOf<'receipt'>;

export function isReceipt(event: WatchedEvent): event is ReceiptEvent {
  return event.facts.kind === 'receipt';
}

/** An event of this kind; the kinds of the market and of the chain have no name in common. */
export function isKind<K extends MarketEvent['facts']['kind']>(
  event: WatchedEvent,
  kind: K,
): event is MarketEventOf<K> {
  return event.facts.kind === kind;
}

/** A fact of the chain. */
export function isChainEvent(event: WatchedEvent): event is ChainEvent {
  return 'txId' in event;
}
