/** Innocents that look like abusers from one side. No detector may name them. */
import { hex, keyPairFromSeed, sha256, utf8 } from '@aitbc/primitives';
import { addressOf } from '@aitbc/protocol';
import { receiptOf } from './abuses.ts';
import { type Cast, chooseSeller } from './background.ts';
import type { Stage } from './stage.ts';

/** Plays an innocent. */
export type LookAlike = (stage: Stage, cast: Cast) => void;

const popular = 'qwen3:8b';
const minuteMs = 60_000;

/** An owner whose agent buys on the whole market, now and then also from the owner's provider. */
function ownerWhoBuys(stage: Stage, { sellers, payers }: Cast): void {
  const { random, startMs } = stage;
  const [provider, agent, owner] = [stage.account(), stage.account(), stage.funded(2_000)];
  stage.transfer(startMs - 50 * minuteMs, { from: owner, to: provider, ait: 200 });
  stage.transfer(startMs - 40 * minuteMs, { from: owner, to: agent, ait: 50 });
  const own = stage.seller({ model: popular, address: provider });
  for (let at = 0; at < 40; at += 1) {
    const seller = random.chance(0.2) ? own : chooseSeller(stage, sellers);
    stage.job(stage.moment(), { payer: agent, seller });
    stage.job(stage.moment(), { payer: random.pick(payers), seller: own });
  }
}

/** A provider that gives money back for some jobs that went wrong. */
function refunds(stage: Stage): void {
  const { random } = stage;
  const seller = stage.seller({ model: popular });
  const payer = stage.funded();
  for (let at = 0; at < 30; at += 1) stage.job(stage.moment(), { payer, seller });
  const jobNait = seller.price / 3_000;
  for (let at = 0; at < 4; at += 1) {
    stage.transfer(stage.moment(), {
      from: seller.address,
      to: payer,
      ait: (jobNait * random.between(0.5, 1)) / 1e9,
    });
  }
}

/** The provider sells its coins at the exchange where its buyer gets them. */
function exchangeCircle(stage: Stage): void {
  const seller = stage.seller({ model: popular, price: 300_000_000 });
  const payer = stage.funded();
  for (let at = 0; at < 40; at += 1) stage.job(stage.moment(), { payer, seller });
  for (let at = 0; at < 6; at += 1) {
    const atMs = stage.moment();
    stage.transfer(atMs, { from: seller.address, to: stage.exchange, ait: 0.003 });
    stage.transfer(atMs + minuteMs, { from: stage.exchange, to: payer, ait: 0.003 });
  }
}

/** The provider pays its buyer for something else, once. */
function oneInvoice(stage: Stage): void {
  const seller = stage.seller({ model: popular });
  const payer = stage.funded(500);
  for (let at = 0; at < 30; at += 1) stage.job(stage.moment(), { payer, seller });
  stage.transfer(stage.moment(0.4, 0.6), { from: seller.address, to: payer, ait: 20 });
}

/** A provider whose machine falls over again and again. */
function restarts(stage: Stage, { sellers }: Cast): void {
  const { random } = stage;
  const seller = random.pick(sellers);
  const fromMs = stage.moment(0.1, 0.8);
  for (let at = 0; at < 35; at += 1) stage.restart(fromMs + at * random.between(9e3, 3e4), seller);
}

/** A robot that moves its price a little, every half minute to two minutes. */
function repricer(stage: Stage, { payers }: Cast): void {
  const { random } = stage;
  const seller = stage.seller({ model: popular });
  const usual = seller.price;
  let atMs = stage.moment(0.1, 0.7);
  for (let at = 0; at < 60; at += 1) {
    stage.reprice(atMs, seller, usual * random.between(0.95, 1.05));
    atMs += random.between(30_000, 120_000);
    if (random.chance(0.3)) stage.job(atMs - 1, { payer: random.pick(payers), seller });
  }
}

/** A long list of models is replaced twice within seconds: a wrong price list, corrected. */
function wrongList(stage: Stage): void {
  const address = stage.funded();
  const atMs = stage.moment();
  for (let at = 0; at < 30; at += 1) {
    const seller = stage.seller({ model: `model-${at}`, address });
    stage.reprice(atMs, seller, seller.price * 10);
    stage.reprice(atMs + 12_000, seller, seller.price / 10);
  }
}

/** Half the price for some hours. */
function sale(stage: Stage, { payers }: Cast): void {
  const { random } = stage;
  const seller = stage.seller({ model: popular });
  const usual = seller.price;
  const fromMs = stage.moment(0.2, 0.4);
  stage.reprice(fromMs, seller, usual * 0.5);
  for (let at = 0; at < 60; at += 1) {
    const endMs = fromMs + random.between(1, 110) * minuteMs;
    stage.job(endMs, { payer: random.pick(payers), seller });
  }
  stage.reprice(fromMs + 120 * minuteMs, seller, usual);
}

/** Everybody comes at once: queues, and prices that rise with all the others. */
function flashCrowd(stage: Stage, { sellers }: Cast): void {
  const { random } = stage;
  const fromMs = stage.moment(0.2, 0.7);
  const crowd = Array.from({ length: 30 }, () => stage.funded(5));
  for (const seller of sellers) {
    const raisedMs = fromMs + random.between(0, 20) * minuteMs;
    const usual = seller.price;
    stage.reprice(raisedMs, seller, usual * random.between(2, 3));
    stage.reprice(fromMs + random.between(60, 90) * minuteMs, seller, usual);
  }
  for (let at = 0; at < 200; at += 1) {
    const endMs = fromMs + random.between(2, 60) * minuteMs;
    const queuedMs = random.between(0, 40_000);
    stage.job(endMs, { payer: random.pick(crowd), seller: chooseSeller(stage, sellers), queuedMs });
  }
}

/** One buyer is most of the demand for an hour. */
function bigBuyer(stage: Stage, { sellers }: Cast): void {
  const payer = stage.funded(5_000);
  const fromMs = stage.moment(0.2, 0.7);
  for (let at = 0; at < 250; at += 1) {
    const endMs = fromMs + stage.random.between(0, 60) * minuteMs;
    stage.job(endMs, { payer, seller: chooseSeller(stage, sellers) });
  }
}

/** One seller that is simply the best has most of a model. */
function popularSeller(stage: Stage, { payers }: Cast): void {
  const { random } = stage;
  const model = 'mistral:7b';
  const best = stage.seller({ model, price: 60_000_000 });
  const others = Array.from({ length: 4 }, () => stage.seller({ model }));
  for (let at = 0; at < 150; at += 1) {
    const seller = random.chance(0.85) ? best : random.pick(others);
    stage.job(stage.moment(), { payer: random.pick(payers), seller });
  }
}

/** Two providers of one owner, with a third of the market. */
function openChain(stage: Stage, { payers }: Cast): void {
  const { random, startMs } = stage;
  const owner = stage.funded(1_000);
  const model = 'phi4:14b';
  const own = Array.from({ length: 2 }, () => {
    const address = stage.account();
    stage.transfer(startMs - 40 * minuteMs, { from: owner, to: address, ait: 200 });
    return stage.seller({ model, address });
  });
  const others = Array.from({ length: 4 }, () => stage.seller({ model }));
  for (let at = 0; at < 150; at += 1) {
    const seller = random.pick(random.chance(0.38) ? own : others);
    stage.job(stage.moment(), { payer: random.pick(payers), seller });
  }
}

/** A new machine that really is many times faster than the others. */
function fastMachine(stage: Stage, { payers }: Cast): void {
  const { random } = stage;
  const tokensPerSecond = random.between(300, 800);
  const seller = stage.seller({ model: popular, tokensPerSecond, slots: 16 });
  for (let at = 0; at < 60; at += 1) {
    stage.job(stage.moment(), { payer: random.pick(payers), seller });
  }
}

/** A gateway that was offline reports the jobs of hours in one moment. */
function lateReports(stage: Stage, { sellers }: Cast): void {
  const { random } = stage;
  const payer = stage.funded();
  const backMs = stage.moment(0.6, 0.9);
  const seller = chooseSeller(stage, sellers);
  for (let at = 0; at < 50; at += 1) {
    const endMs = backMs - random.between(2, 120) * minuteMs;
    stage.job(endMs, { payer, seller, reportedLaterMs: backMs - endMs });
    stage.job(stage.moment(), { payer, seller: chooseSeller(stage, sellers) });
  }
}

/** Somebody asks every provider the same short question every minute. */
function healthWatch(stage: Stage, { sellers }: Cast): void {
  const payer = stage.funded();
  const fromMs = stage.moment(0.2, 0.7);
  for (let round = 0; round < 40; round += 1) {
    for (const seller of sellers) {
      const endMs = fromMs + round * minuteMs;
      stage.job(endMs, { payer, seller, promptTokens: 12, outputTokens: 4 });
    }
  }
}

/** An agent with one provider and hundreds of short questions. */
function yesOrNo(stage: Stage, { payers }: Cast): void {
  const { random } = stage;
  const seller = stage.seller({ model: popular });
  const agent = stage.funded();
  let atMs = stage.moment(0.1, 0.7);
  for (let at = 0; at < 120; at += 1) {
    const promptTokens = random.whole(14, 60);
    stage.job(atMs, { payer: agent, seller, promptTokens, outputTokens: random.whole(1, 3) });
    if (random.chance(0.1)) stage.job(atMs + 1_000, { payer: random.pick(payers), seller });
    atMs += random.between(5_000, 20_000);
  }
}

/** Robots that follow a leader to its price, each at its own pace. */
function followers(stage: Stage): void {
  const { random } = stage;
  const group = Array.from({ length: random.whole(3, 5) }, () => stage.seller({ model: popular }));
  const usual = group.map(({ price }) => price);
  for (let round = 0; round < 3; round += 1) {
    const atMs = stage.startMs + ((round + 0.4) * stage.lengthMs) / 4;
    const low = Math.min(...usual) * random.between(0.6, 0.75);
    for (const [at, seller] of group.entries()) {
      const laterMs = at === 0 ? 0 : random.between(4_000, 180_000);
      stage.reprice(atMs + laterMs, seller, low);
      stage.reprice(atMs + random.between(30, 60) * minuteMs, seller, usual[at] ?? low);
    }
  }
}

/** Everybody's new prices begin at midnight, each another one. */
function midnight(stage: Stage): void {
  const { random } = stage;
  const group = Array.from({ length: 5 }, () => stage.seller({ model: popular }));
  for (const share of [0.3, 0.6]) {
    const atMs = stage.startMs + share * stage.lengthMs;
    for (const seller of group)
      stage.reprice(atMs, seller, seller.price * random.between(0.5, 1.2));
  }
}

/** The coordinator's canaries of a newcomer. */
function canaries(stage: Stage): void {
  const { random } = stage;
  const seller = stage.seller({ model: popular });
  const payer = stage.funded();
  const fromMs = stage.moment(0.2, 0.7);
  for (let at = 0; at < 20; at += 1) {
    const tokens = { promptTokens: random.whole(10, 60), outputTokens: random.whole(8, 40) };
    stage.job(fromMs + at * minuteMs, { payer, seller, ...tokens });
  }
}

/** A price with a zero too many, for some minutes, that nobody pays. */
function typingError(stage: Stage, { payers }: Cast): void {
  const { random } = stage;
  const seller = stage.seller({ model: popular });
  const usual = seller.price;
  const atMs = stage.moment(0.3, 0.6);
  for (let at = 0; at < 20; at += 1) {
    stage.job(atMs - random.between(5, 60) * minuteMs, { payer: random.pick(payers), seller });
  }
  stage.reprice(atMs, seller, usual * 10);
  stage.reprice(atMs + 6 * minuteMs, seller, usual);
}

/** An answer that went on at the same provider after a break: two receipts that fit together. */
function resumedJob(stage: Stage): void {
  const keys = keyPairFromSeed(sha256(utf8(stage.id())));
  const provider = addressOf(hex(keys.publicKey));
  stage.seller({ model: popular, address: provider });
  const jobId = stage.id();
  const first = receiptOf(stage, { provider, jobId, from: 0, to: 40 }, keys);
  const second = receiptOf(stage, { provider, jobId, from: 40, to: 90 }, keys);
  const facts = { kind: 'receipt_conflict' as const, jobId, first, second };
  stage.add(stage.moment(), { provider, facts });
}

/** All innocents by name. */
export const lookAlikes: Readonly<Record<string, LookAlike>> = {
  ...{ ownerWhoBuys, refunds, exchangeCircle, oneInvoice, restarts, repricer, wrongList, sale },
  ...{ flashCrowd, bigBuyer, popularSeller, openChain, fastMachine, lateReports, healthWatch },
  ...{ yesOrNo, followers, midnight, canaries, typingError, resumedJob },
};
