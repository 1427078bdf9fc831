import { expect, it } from 'vitest';
import { makePlan } from '../plan/make-plan.ts';
import { plants } from './plants.ts';

/** Sizes of `npm run chaos -- --plants all`. */
const wish = { validators: 4, providers: 12, agents: 16, forMs: 40_000 };
const plans = Array.from({ length: 200 }, (_, seed) => makePlan({ ...wish, seed }));

it('every bug has a row that is about it, and a seed with somebody who provokes it', () => {
  for (const { name, seenIn, isProvoked } of plants) {
    expect(seenIn.length, name).toBeGreaterThan(0);
    expect(plans.some(isProvoked), name).toBe(true);
  }
});

it('nobody provokes a bug by accident where nobody lies and nothing breaks', () => {
  const calm = makePlan({ ...wish, seed: undefined });
  const found = plants.filter(({ isProvoked }) => isProvoked(calm)).map(({ name }) => name);
  // These are wrong for honest buyers too.
  expect(found).toEqual(['prompt-bound', 'claims-all', 'claim-adds', 'gateway-forgets']);
});
