/** Markets for tests of ranking: offers without signatures, because ranking does not look at them. */
import type { SignedOffer } from '@aitbc/protocol';
import { createOfferIndex, type OfferEntry, offerEntryOf } from '../offer-index.ts';
import type { Gauges, Measured, RouteFacts, RouteQuery } from '../route-types.ts';

/** What a test says about one offer; the rest has defaults. */
export interface OfferSketch {
  readonly provider: string;
  readonly offerId?: string;
  readonly model?: string;
  /** nait per million output tokens */
  readonly output?: bigint;
  readonly input?: bigint;
  readonly perRequest?: bigint;
  readonly quantization?: string;
  readonly contextMax?: number;
  readonly validUntilMs?: number;
  /** Left out: the provider is not connected. */
  readonly gauges?: Gauges | 'absent';
  readonly lastFrameMs?: number;
  readonly firstTokenMs?: number;
  readonly tokensPerSecond?: number;
  readonly samples?: number;
}

export const nowMs = 1_000_000;

/** Index entry of a sketch. */
export function entryOf(sketch: OfferSketch): OfferEntry {
  const payload = {
    provider: sketch.provider,
    model: sketch.model ?? 'm',
    quantization: sketch.quantization ?? 'Q4_0',
    contextMax: sketch.contextMax ?? 4_096,
    price: {
      inputPerMTok: String(sketch.input ?? 0n),
      outputPerMTok: String(sketch.output ?? 1_000_000n),
      perRequest: String(sketch.perRequest ?? 0n),
    },
    validFromMs: 0,
    validUntilMs: sketch.validUntilMs ?? nowMs * 2,
  };
  const offer = { payload, signer: '', signature: '' } as unknown as SignedOffer;
  return offerEntryOf(sketch.offerId ?? `offer of ${sketch.provider}`, offer);
}

function measuredOf({ firstTokenMs, tokensPerSecond, samples }: OfferSketch): Measured {
  return {
    firstTokenMsP50: firstTokenMs ?? null,
    firstTokenMsP90: firstTokenMs ?? null,
    tokensPerSecondP50: tokensPerSecond ?? null,
    samples: samples ?? (firstTokenMs === undefined ? 0 : 10),
  };
}

/** Index and facts of sketches, one offer for each provider. */
export function marketOf(sketches: readonly OfferSketch[], draw = 0.5) {
  const index = createOfferIndex();
  const byProvider = new Map(sketches.map((sketch) => [sketch.provider, sketch]));
  for (const sketch of sketches) {
    const offers = sketches.filter(({ provider }) => provider === sketch.provider);
    index.put(sketch.provider, offers.map(entryOf));
  }
  const facts: RouteFacts = {
    nowMs,
    draw,
    measured: (provider) => measuredOf(byProvider.get(provider) ?? { provider }),
    standing(provider) {
      const sketch = byProvider.get(provider);
      if (!sketch || sketch.gauges === 'absent') return undefined;
      const gauges = sketch.gauges ?? { running: 0, waiting: 0, slots: 2 };
      return { gauges, lastFrameMs: sketch.lastFrameMs ?? nowMs };
    },
  };
  return { index, facts };
}

/** A query for model `m`, changed as given. */
export function queryOf(changes: Partial<RouteQuery> = {}): RouteQuery {
  return { models: ['m'], provider: {}, limit: 5, ...changes };
}
