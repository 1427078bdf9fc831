/** Markets for tests of ranking: offers without signatures, because ranking does not look at them. */
import type { JobKind, SignedOffer } from '@aitbc/protocol';
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
  /** 0 to 1000. */
  readonly reputation?: number;
  readonly canResume?: boolean;
  readonly verifiable?: boolean;
  /** An audit speaks against the provider. */
  readonly isSuspect?: boolean;
  readonly outputMax?: number;
  readonly serves?: readonly JobKind[];
}

export const nowMs = 1_000_000;

/** Index entry of a sketch. */
export function entryOf(sketch: OfferSketch): OfferEntry {
  const payload = {
    provider: sketch.provider,
    model: sketch.model ?? 'm',
    quantization: sketch.quantization ?? 'Q4_0',
    contextMax: sketch.contextMax ?? 4_096,
    outputMax: sketch.outputMax ?? 512,
    serves: sketch.serves ?? ['chat'],
    canResume: sketch.canResume ?? false,
    ...(sketch.verifiable ? { verifiable: true } : {}),
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

/** Index and facts of sketches; those of one provider are its list of offers. */
export function marketOf(sketches: readonly OfferSketch[], draw = 0.5) {
  const byProvider = new Map<string, OfferSketch>();
  for (const sketch of sketches) {
    if (!byProvider.has(sketch.provider)) byProvider.set(sketch.provider, sketch);
  }
  const index = createOfferIndex({
    measured: (provider) => measuredOf(byProvider.get(provider) ?? { provider }),
    reputation: (provider) => byProvider.get(provider)?.reputation ?? 1_000,
    isSuspect: (provider) => byProvider.get(provider)?.isSuspect ?? false,
  });
  for (const [provider, { gauges, lastFrameMs }] of byProvider) {
    const offers = sketches.filter((sketch) => sketch.provider === provider);
    index.put(provider, offers.map(entryOf));
    if (gauges === 'absent') continue;
    const frame = gauges ?? { running: 0, waiting: 0, slots: 2 };
    index.heard(provider, { atMs: lastFrameMs ?? nowMs, gauges: frame });
  }
  const facts: RouteFacts = { nowMs, draw };
  return { index, facts };
}

/** A query for model `m`, changed as given. */
export function queryOf(changes: Partial<RouteQuery> = {}): RouteQuery {
  return { models: ['m'], provider: {}, limit: 5, ...changes };
}
