/** One way of abuse for each detector, drawn anew from every seed. Each answers who is guilty. */
import { hex, keyPairFromSeed, sha256, utf8 } from '@aitbc/primitives';
import {
  addressOf,
  networkFromHash,
  type ReceiptPayload,
  type SignedReceipt,
  signDocument,
} from '@aitbc/protocol';
import { type Cast, chooseSeller } from './background.ts';
import type { Stage } from './stage.ts';

/** Plays an abuse; the addresses of those who are guilty of it. */
export type Abuse = (stage: Stage, cast: Cast) => readonly string[];

const popular = 'qwen3:8b';
const minuteMs = 60_000;

/** An owner's payer buys from the owner's provider; coins come from the owner, in one of three ways. */
function selfDealing(stage: Stage, { sellers }: Cast): readonly string[] {
  const { random, startMs } = stage;
  const [provider, payer, owner] = [stage.account(), stage.account(), stage.funded(2_000)];
  const way = random.whole(0, 2);
  stage.transfer(startMs - 50 * minuteMs, {
    from: owner,
    to: provider,
    ait: random.between(150, 300),
  });
  if (way === 0)
    stage.transfer(startMs - 40 * minuteMs, {
      from: owner,
      to: payer,
      ait: random.between(20, 200),
    });
  if (way === 1)
    stage.transfer(startMs - 40 * minuteMs, {
      from: provider,
      to: payer,
      ait: random.between(20, 100),
    });
  if (way === 2) {
    const between = stage.account();
    stage.transfer(startMs - 40 * minuteMs, {
      from: owner,
      to: between,
      ait: random.between(60, 200),
    });
    stage.transfer(startMs - 30 * minuteMs, {
      from: between,
      to: payer,
      ait: random.between(20, 50),
    });
  }
  const own = stage.seller({ model: popular, address: provider });
  const count = random.whole(25, 70);
  const share = random.between(0.5, 1);
  for (let at = 0; at < count; at += 1) {
    const seller = random.chance(share) ? own : chooseSeller(stage, sellers);
    stage.job(stage.moment(), { payer, seller });
  }
  return [provider, payer];
}

/** What the payer spends comes back in some payments, directly or through an account between. */
function washVolume(stage: Stage): readonly string[] {
  const { random } = stage;
  const seller = stage.seller({ model: popular, price: 400_000_000 });
  const payer = stage.funded();
  const between = random.chance(0.5) ? stage.account() : undefined;
  const returns = random.whole(4, 10);
  const share = random.between(0.5, 0.98);
  for (let round = 0; round < returns; round += 1) {
    const fromMs = stage.startMs + 10 * minuteMs + (round * stage.lengthMs * 0.85) / returns;
    const jobs = random.whole(5, 10);
    let spent = 0;
    for (let at = 0; at < jobs; at += 1) {
      const [promptTokens, outputTokens] = [random.whole(200, 1_000), random.whole(200, 800)];
      spent += ((promptTokens / 4 + outputTokens) * seller.price) / 1e6 / 1e9;
      stage.job(fromMs + at * 90_000, { payer, seller, promptTokens, outputTokens });
    }
    const backMs = fromMs + (jobs + 1) * 90_000;
    if (!between) stage.transfer(backMs, { from: seller.address, to: payer, ait: spent * share });
    else {
      stage.transfer(backMs, { from: seller.address, to: between, ait: spent * share });
      stage.transfer(backMs + minuteMs, { from: between, to: payer, ait: spent * share * 0.99 });
    }
  }
  return [seller.address, payer];
}

/** Cheap offers that are gone before anybody can buy. */
function offerFlood(stage: Stage): readonly string[] {
  const { random } = stage;
  const seller = stage.seller({ model: popular });
  const usual = seller.price;
  const bursts = random.whole(1, 3);
  for (let burst = 0; burst < bursts; burst += 1) {
    let atMs = stage.moment(0.1 + burst * 0.25, 0.2 + burst * 0.25);
    const count = random.whole(30, 60);
    const longestMs = random.between(5_000, 24_000);
    for (let at = 0; at < count; at += 1) {
      stage.reprice(atMs, seller, usual * random.between(0.4, 0.8));
      atMs += random.between(900, longestMs);
    }
    stage.reprice(atMs, seller, usual);
  }
  return [seller.address];
}

/** Sells, multiplies the price, and sells on. */
function priceJump(stage: Stage, { payers }: Cast): readonly string[] {
  const { random } = stage;
  const seller = stage.seller({ model: popular });
  const jumpMs = stage.moment(0.3, 0.6);
  const loyal = random.some(payers, 4);
  const before = random.whole(5, 20);
  for (let at = 0; at < before; at += 1) {
    stage.job(jumpMs - random.between(5, 100) * minuteMs, { payer: random.pick(loyal), seller });
  }
  stage.reprice(jumpMs, seller, seller.price * random.between(2.2, 6));
  const after = random.whole(4, 12);
  for (let at = 0; at < after; at += 1) {
    stage.job(jumpMs + random.between(3, 150) * minuteMs, { payer: random.pick(loyal), seller });
  }
  return [seller.address];
}

/** One owner behind most sellers of a model. */
function concentration(stage: Stage, { payers }: Cast): readonly string[] {
  const { random, startMs } = stage;
  const model = 'gemma3:4b';
  const owner = stage.funded(3_000);
  const group = Array.from({ length: random.whole(2, 5) }, () => {
    const address = stage.account();
    stage.transfer(startMs - 40 * minuteMs, {
      from: owner,
      to: address,
      ait: random.between(110, 300),
    });
    return stage.seller({ model, address });
  });
  const others = Array.from({ length: random.whole(2, 4) }, () => stage.seller({ model }));
  const share = random.between(0.55, 0.95);
  const count = random.whole(140, 260);
  for (let at = 0; at < count; at += 1) {
    const seller = random.pick(random.chance(share) ? group : others);
    stage.job(stage.moment(), { payer: random.pick(payers), seller });
  }
  return group.map(({ address }) => address);
}

/** Receipts that cannot be: too fast for anything, too fast for these weights, or more streams than slots. */
function receiptsWithoutWork(stage: Stage): readonly string[] {
  const { random } = stage;
  const way = random.whole(0, 2);
  const crowding = random.between(1.5, 5);
  const slots = random.whole(1, 4);
  const seller = stage.seller({ model: popular, slots });
  const payer = stage.funded();
  const count = random.whole(45, 90);
  let atMs = stage.moment(0.3, 0.6);
  for (let at = 0; at < count; at += 1) {
    const outputTokens = random.whole(60, 500);
    const job = { payer, seller, outputTokens };
    if (way === 0) stage.job(atMs, { ...job, tokensPerSecond: random.scaled(2_500, 40_000) });
    if (way === 1) stage.job(atMs, { ...job, tokensPerSecond: random.between(2_000, 2_950) });
    if (way === 2) stage.job(atMs, job);
    const streamMs = (outputTokens * 1_000) / seller.tokensPerSecond;
    atMs += way === 2 ? streamMs / (slots * crowding) : random.between(500, 20_000);
  }
  return [seller.address];
}

/** A new provider buys a record of tiny jobs. */
function reputationFarming(stage: Stage, { payers }: Cast): readonly string[] {
  const { random } = stage;
  const seller = stage.seller({ model: popular });
  const own = Array.from({ length: random.whole(1, 2) }, () => stage.funded(10));
  const shapes = Array.from({ length: random.whole(1, 7) }, () => ({
    ...{ promptTokens: random.whole(6, 40), outputTokens: random.whole(1, 20) },
  }));
  let atMs = stage.moment(0.1, 0.7);
  const count = random.whole(55, 120);
  const slowestMs = random.between(10_000, 80_000);
  for (let at = 0; at < count; at += 1) {
    stage.job(atMs, { payer: random.pick(own), seller, ...random.pick(shapes) });
    if (random.chance(0.05)) stage.job(atMs + 3_000, { payer: random.pick(payers), seller });
    atMs += random.between(3_000, slowestMs);
  }
  return [seller.address, ...own];
}

/** Some sellers drop to one price in one moment, some times a day. */
function coordinatedUndercutting(stage: Stage): readonly string[] {
  const { random } = stage;
  const group = Array.from({ length: random.whole(3, 5) }, () => stage.seller({ model: popular }));
  const rounds = random.whole(2, 4);
  const spreadMs = random.between(500, 7_000);
  const usual = group.map(({ price }) => price);
  for (let round = 0; round < rounds; round += 1) {
    const atMs = stage.startMs + ((round + 0.3) * stage.lengthMs) / (rounds + 1);
    const low = Math.min(...usual) * random.between(0.5, 0.82);
    for (const seller of group) {
      stage.reprice(atMs + random.between(0, spreadMs), seller, low * random.between(0.997, 1.003));
    }
    const backMs = atMs + random.between(10, 50) * minuteMs;
    for (const [at, seller] of group.entries()) {
      stage.reprice(backMs + at * 20_000, seller, usual[at] ?? low);
    }
  }
  return group.map(({ address }) => address);
}

const network = networkFromHash('ait-devnet', 'ab'.repeat(32));

/** Two signed receipts of one job: other text for the same tokens, or a second beginning in the middle of the first. */
function equivocation(stage: Stage): readonly string[] {
  const { random } = stage;
  const keys = keyPairFromSeed(sha256(utf8(stage.id())));
  const provider = addressOf(hex(keys.publicKey));
  stage.seller({ model: popular, address: provider });
  const from = random.whole(0, 40);
  const to = from + random.whole(4, 40);
  const jobId = stage.id();
  const first = { provider, jobId, from, to };
  const second = random.chance(0.5)
    ? first
    : { ...first, from: from + random.whole(1, to - from - 1), to: to + random.whole(0, 20) };
  const [one, two] = [first, second].map((range) => receiptOf(stage, range, keys));
  if (!one || !two) return [];
  const facts = { kind: 'receipt_conflict' as const, jobId, first: one, second: two };
  stage.add(stage.moment(), { provider, facts });
  return [provider];
}

/** A signed receipt of a range of tokens. */
export function receiptOf(
  stage: Stage,
  range: Pick<ReceiptPayload, 'provider' | 'jobId' | 'from' | 'to'> & { textHash?: string },
  keys: { readonly publicKey: Uint8Array; readonly secretKey: Uint8Array },
): SignedReceipt {
  const { textHash = stage.id(), ...place } = range;
  const payload: ReceiptPayload = {
    ...{ v: 1, network: network.caip2, ...place, textHash, prefixHash: 'cd'.repeat(32) },
    ...{ offerId: 'aa'.repeat(32), channelId: 'bb'.repeat(32), model: popular, digest: 'sha256:0' },
    ...{ promptTokens: 10, outcome: 'complete', charged: '1000', chargedCumulative: '1000' },
    atMs: stage.startMs,
  };
  const signer = { publicKey: hex(keys.publicKey), secretKey: keys.secretKey };
  return signDocument({ tag: 'receipt', network }, payload, signer);
}

/** Abuses by the detector that is to find them. */
export const abuses: Readonly<Record<string, Abuse>> = {
  'self-dealing': selfDealing,
  'wash-volume': washVolume,
  'offer-flood': offerFlood,
  'price-jump': priceJump,
  concentration,
  'receipts-without-work': receiptsWithoutWork,
  'reputation-farming': reputationFarming,
  'coordinated-undercutting': coordinatedUndercutting,
  equivocation,
};
