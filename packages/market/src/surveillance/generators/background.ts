/** Honest traffic: what a small market does on an ordinary day. */
import { basePrices, type Seller, type Stage } from './stage.ts';

/** Who is on stage. */
export interface Cast {
  readonly sellers: readonly Seller[];
  readonly payers: readonly string[];
}

const jobsOfRun = 700;
const sellersOfModel: Readonly<Record<string, number>> = { 'qwen3:8b': 6, 'llama3:70b': 4 };

/** Plays the day: coins, offers, jobs, small changes of prices, restarts. */
export function playBackground(stage: Stage): Cast {
  const { random } = stage;
  const sellers = Object.entries(sellersOfModel).flatMap(([model, count]) =>
    Array.from({ length: count }, () => stage.seller({ model })),
  );
  const payers = Array.from({ length: 12 }, () => stage.funded());
  for (const seller of sellers) {
    const base = basePrices[seller.model] ?? seller.price;
    for (let left = random.whole(0, 3); left > 0; left -= 1) {
      stage.reprice(stage.moment(), seller, base * random.between(0.85, 1.2));
    }
  }
  for (let at = 0; at < jobsOfRun; at += 1) {
    const seller = chooseSeller(stage, sellers);
    stage.job(stage.moment(0, 1), { payer: random.pick(payers), seller });
  }
  for (const seller of random.some(sellers, 3)) stage.restart(stage.moment(), seller);
  return { sellers, payers };
}

/** The cheaper, the likelier; some of what is bought is for the model that few need. */
export function chooseSeller({ random }: Stage, sellers: readonly Seller[]): Seller {
  const model = random.chance(0.75) ? 'qwen3:8b' : 'llama3:70b';
  const fitting = sellers.filter((seller) => seller.model === model);
  const choice = fitting.length > 0 ? fitting : sellers;
  const weights = choice.map(({ price }) => price ** -4);
  let left = random.next() * weights.reduce((sum, weight) => sum + weight, 0);
  for (const [at, weight] of weights.entries()) {
    left -= weight;
    if (left <= 0) return choice[at] as Seller;
  }
  return choice[0] as Seller;
}
