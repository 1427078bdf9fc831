/** A market of one model for benches, and what moves in it. The same numbers in every run. */
import { createMeasurements, createOfferIndex, offerEntryOf } from '@aitbc/market';
import { addressFromId, sha256, utf8 } from '@aitbc/primitives';

export const MODEL = 'qwen3:8b';
const QUANTIZATIONS = ['Q4_K_M', 'Q4_K_M', 'Q4_K_M', 'Q8_0', 'F16'];
const HEARTBEAT_S = 5;
const REPORTS_PER_HEARTBEAT = 1 / 50;

/** Prices spread over `spread` different ones; a tenth of the providers is new. */
export function createMarket(size, { spread = 100_000, nowMs = Date.now() } = {}) {
  const draw = createDraw();
  const measurements = createMeasurements();
  const index = createOfferIndex({ measured: measurements.of, reputation: () => 1_000 });
  const providers = Array.from({ length: size }, (_, at) => addressFromId(sha256(utf8(`p${at}`))));
  const report = (provider) => {
    const firstTokenMs = 20 + Math.floor(draw() * 500);
    measurements.add({ provider, model: MODEL, to: 100 }, { firstTokenMs, durationMs: 3_000 });
  };
  for (const [at, provider] of providers.entries()) {
    if (at % 10 !== 0) for (let sample = 0; sample < 4; sample += 1) report(provider);
    const outputPerMTok = 100_000_000 + Math.floor(draw() * spread) * 1_000;
    const offerId = Buffer.from(sha256(utf8(`offer ${at}`))).toString('hex');
    index.put(provider, [offerEntryOf(offerId, offerOf(provider, { at, outputPerMTok, nowMs }))]);
    index.heard(provider, { atMs: nowMs, gauges: gaugesOf(draw) });
  }
  let next = 0;
  const beat = (atMs) => {
    const provider = providers[(next * 7919) % size];
    next += 1;
    index.heard(provider, { atMs, gauges: gaugesOf(draw) });
    if (draw() >= REPORTS_PER_HEARTBEAT) return;
    report(provider);
    index.renew(provider, MODEL);
  };
  return { index, measurements, providers, draw, beat, beatsPerSecond: size / HEARTBEAT_S };
}

function gaugesOf(draw) {
  const slots = 1 + Math.floor(draw() * 8);
  return { running: Math.floor(draw() * (slots + 1)), waiting: draw() < 0.1 ? 2 : 0, slots };
}

function offerOf(provider, { at, outputPerMTok, nowMs }) {
  const payload = {
    v: 1,
    network: `aitbc:${'ab'.repeat(16)}`,
    provider,
    authorizer: 'cd'.repeat(32),
    endpoint: 'https://gpu.example.org:8008',
    model: MODEL,
    digest: `sha256:${'ef'.repeat(32)}`,
    quantization: QUANTIZATIONS[at % QUANTIZATIONS.length],
    contextMax: at % 100 === 0 ? 131_072 : 8_192,
    outputMax: 8_192,
    price: {
      inputPerMTok: '50000000',
      outputPerMTok: String(outputPerMTok),
      perRequest: '0',
    },
    windowTokens: 16,
    serves: ['chat'],
    canResume: at % 3 === 0,
    firstTokenMs: 1_000,
    withdrawDelayMsMin: 60_000,
    validFromMs: nowMs - 1_000,
    validUntilMs: nowMs + 24 * 3_600_000,
  };
  return { payload, signer: 'cd'.repeat(32), signature: '00'.repeat(64) };
}

/** The same numbers in [0, 1) in every run. */
function createDraw() {
  let state = 42;
  return () => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    return state / 2_147_483_648;
  };
}
