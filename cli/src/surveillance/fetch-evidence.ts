/**
 * Fetches what an alert names, each thing from where it is safe: transactions from the node, events from the coordinator.
 * Receipts among the events are held against the signed ones that the coordinator still has (the last 64 of a provider),
 * and contradicting receipts against the key on chain.
 */
import { chainFactsOf, type WatchedEvent } from '@aitbc/market';
import {
  type Alert,
  AppError,
  type Hex,
  type MarketEvent,
  type Network,
  type ReceiptPayload,
  unwrap,
  verifyFraud,
  verifyReceipt,
} from '@aitbc/protocol';
import type { CoordinatorClient, NodeClient } from '@aitbc/sdk';

/** Who is asked. */
export interface EvidenceSources {
  readonly coordinator: CoordinatorClient;
  readonly node: NodeClient;
  readonly signal: AbortSignal;
}

/** What was fetched. */
export interface FetchedEvidence {
  readonly events: readonly WatchedEvent[];
  /** Receipts whose signature was checked and that say what the events say. */
  readonly signedReceipts: number;
  readonly receipts: number;
}

const pageSize = 100;
const placesPerBlock = 1_000_000;

/** Throws ALERT_UNPROVEN for what is missing or says something else, UNAVAILABLE and TIMEOUT. */
export async function fetchEvidence(
  alert: Alert,
  sources: EvidenceSources,
): Promise<FetchedEvidence> {
  const { network } = await sources.node.network();
  const facts = await factsOf(alert, network, sources);
  const events = await eventsOf(alert, sources);
  const signed = await checkSignatures(alert, network, { events, sources });
  const receipts = events.filter((event) => event.facts.kind === 'receipt').length;
  return { events: [...facts, ...events], signedReceipts: signed, receipts };
}

function unproven({ id }: Alert, reason: string): AppError {
  return new AppError('ALERT_UNPROVEN', { id, reason });
}

async function factsOf(
  alert: Alert,
  network: Network,
  { node, signal }: EvidenceSources,
): Promise<WatchedEvent[]> {
  const found: WatchedEvent[] = [];
  for (const txId of alert.evidence.txs) {
    const { tx, receipt, status } = await node.rpc.tx_get({ txId }, { signal });
    if (status !== 'final' || !receipt) throw unproven(alert, `transaction ${txId} is not final`);
    const seq = receipt.height * placesPerBlock + receipt.index;
    for (const facts of chainFactsOf(network, tx)) {
      found.push({ seq, atMs: await blockTimeMs(receipt.height), txId, facts });
    }
  }
  return found;

  async function blockTimeMs(height: number): Promise<number> {
    return (await node.rpc.chain_getHeader({ height }, { signal })).header.timeMs;
  }
}

async function eventsOf(
  { evidence }: Alert,
  { coordinator, signal }: EvidenceSources,
): Promise<MarketEvent[]> {
  const found: MarketEvent[] = [];
  const open = new Set(evidence.events);
  while (open.size > 0) {
    const after = Math.min(...open) - 1;
    const { events } = await coordinator.events({ after, limit: pageSize }, { signal });
    const own = events.filter(({ seq }) => open.delete(seq));
    found.push(...own);
    if (own[0]?.seq !== after + 1) break; // it is gone; the re-check says so
  }
  return found;
}

interface SignatureInput {
  readonly events: readonly MarketEvent[];
  readonly sources: EvidenceSources;
}

async function checkSignatures(
  alert: Alert,
  network: Network,
  { events, sources }: SignatureInput,
): Promise<number> {
  let checked = 0;
  for (const provider of new Set(events.map((event) => event.provider))) {
    const own = events.filter((event) => event.provider === provider);
    const kinds = new Set(own.map(({ facts }) => facts.kind));
    if (!kinds.has('receipt') && !kinds.has('receipt_conflict')) continue;
    const { authorizer } = await sources.node.rpc.state_getProvider({ address: provider });
    for (const { facts } of own) {
      if (facts.kind !== 'receipt_conflict') continue;
      if (facts.first.signer !== authorizer) throw unproven(alert, 'a receipt has another key');
      unwrap(verifyFraud(network, facts));
    }
    if (kinds.has('receipt'))
      checked += await checkReceipts(alert, network, { own, authorizer, sources });
  }
  return checked;
}

interface ReceiptInput {
  readonly own: readonly MarketEvent[];
  readonly authorizer: Hex;
  readonly sources: EvidenceSources;
}

async function checkReceipts(
  alert: Alert,
  network: Network,
  { own, authorizer, sources }: ReceiptInput,
): Promise<number> {
  const { coordinator, signal } = sources;
  const address = own[0]?.provider ?? '';
  const told = await coordinator.providerScore({ address, explain: '1' }, { signal });
  const byJob = new Map(
    (told.evidence ?? []).map(({ receipt }) => [receipt.payload.jobId, receipt]),
  );
  let checked = 0;
  for (const { facts } of own) {
    const receipt = facts.kind === 'receipt' ? byJob.get(facts.jobId) : undefined;
    if (facts.kind !== 'receipt' || !receipt) continue;
    const payload = unwrap(verifyReceipt(network, receipt, authorizer));
    if (!saysSame(payload, facts)) {
      throw unproven(alert, `the receipt of job ${facts.jobId} says something else than its event`);
    }
    checked += 1;
  }
  return checked;
}

function saysSame(
  payload: ReceiptPayload,
  facts: Extract<MarketEvent['facts'], { kind: 'receipt' }>,
): boolean {
  const { offerId, channelId, model, promptTokens, to: outputTokens, charged, outcome } = payload;
  const signed = { offerId, channelId, model, promptTokens, outputTokens, charged, outcome };
  return Object.entries(signed).every(
    ([name, value]) => facts[name as keyof typeof facts] === value,
  );
}
