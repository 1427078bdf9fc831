/**
 * How long ranking takes: `node scripts/bench/route.mjs` after a build. Prints one line per size and
 * shape of market. Offers are made here and not signed: signatures are checked when an offer comes in,
 * not when it is ranked.
 */
import { createMeasurements, createOfferIndex, offerEntryOf, rankOffers } from '@aitbc/market';

const SIZES = [1_000, 10_000, 100_000];
const CALLS = 5_000;
const OFFERS_PER_PROVIDER = 4;
const MODELS = ['qwen3:8b', 'llama3.1:8b', 'gemma3:4b', 'phi4:14b'];

/** Markets that behave differently: all prices alike, prices spread, a rare filter, an odd sort. */
const SHAPES = [
  { name: 'spread prices', spread: 100_000, wishes: {} },
  { name: 'one price', spread: 1, wishes: {} },
  {
    name: 'max_price, ignore',
    spread: 100_000,
    wishes: { max_price: { completion: '120000000' }, ignore: ['provider 1'] },
  },
  { name: 'sort by latency', spread: 100_000, wishes: { sort: 'latency' }, calls: 200 },
];

for (const size of SIZES) for (const shape of SHAPES) measure(size, shape);

function measure(size, { name, spread, wishes, calls = CALLS }) {
  const market = createMarket(size, spread);
  const draw = createDraw();
  const query = { models: [MODELS[0]], provider: wishes, contextTokens: 2_000, limit: 5 };
  const micros = [];
  for (let call = -calls / 5; call < calls; call += 1) {
    const facts = { ...market.facts, draw: draw() };
    const startNs = process.hrtime.bigint();
    const { offers } = rankOffers(market.index, query, facts);
    const took = Number(process.hrtime.bigint() - startNs) / 1_000;
    if (offers.length !== 5) throw new Error(`expected 5 offers, got ${offers.length}`);
    if (call >= 0) micros.push(took);
  }
  micros.sort((a, b) => a - b);
  const at = (share) => micros[Math.floor(micros.length * share)].toFixed(1).padStart(8);
  console.log(
    `${String(size).padStart(7)} offers  ${name.padEnd(18)} p50 ${at(0.5)} µs  p99 ${at(0.99)} µs`,
  );
}

function createMarket(size, spread) {
  const draw = createDraw();
  const index = createOfferIndex();
  const measurements = createMeasurements();
  const standings = new Map();
  const nowMs = 1_000_000;
  for (let number = 0; number < size / OFFERS_PER_PROVIDER; number += 1) {
    const provider = `provider ${number}`;
    const entries = Array.from({ length: OFFERS_PER_PROVIDER }, (_, at) => {
      const price = 100_000_000 + Math.floor(draw() * spread) * 1_000;
      return offerEntryOf(`${number}.${at}`, { payload: payloadOf(provider, MODELS[at], price) });
    });
    index.put(provider, entries);
    const slots = 1 + Math.floor(draw() * 8);
    const gauges = { running: Math.floor(draw() * slots), waiting: 0, slots };
    standings.set(provider, { gauges, lastFrameMs: nowMs });
    for (let sample = 0; sample < 5; sample += 1) {
      const receipt = { provider, model: MODELS[0], from: 0, to: 100 };
      measurements.add(receipt, { firstTokenMs: 20 + Math.floor(draw() * 500), durationMs: 2_000 });
    }
  }
  const facts = {
    measured: (provider, model) => measurements.of(provider, model),
    standing: (provider) => standings.get(provider),
    nowMs,
  };
  return { index, facts };
}

function payloadOf(provider, model, price) {
  return {
    provider,
    model,
    quantization: 'Q4_K_M',
    contextMax: 8_192,
    price: { inputPerMTok: '50000000', outputPerMTok: String(price), perRequest: '0' },
    validFromMs: 0,
    validUntilMs: 2_000_000,
  };
}

/** The same numbers in [0, 1) in every run. */
function createDraw() {
  let state = 42;
  return () => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    return state / 2_147_483_648;
  };
}
