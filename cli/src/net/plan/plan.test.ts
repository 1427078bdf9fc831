import { expect, it } from 'vitest';
import type { Fault, FaultKind } from '../contract.ts';
import { makePlan, type PlanWish } from './make-plan.ts';
import { namesOf, sizesOf } from './names.ts';

const big: PlanWish = { seed: 42, validators: 4, providers: 20, agents: 50, forMs: 120_000 };
const small: PlanWish = { seed: 42, validators: 4, providers: 4, agents: 6, forMs: 20_000 };
const seeds = Array.from({ length: 60 }, (_, at) => at);
const plansOf = (wish: PlanWish) => seeds.map((seed) => makePlan({ ...wish, seed }));

it('equal words make an equal plan, another seed another one', () => {
  expect(makePlan(big)).toEqual(makePlan(big));
  expect(makePlan({ ...big, seed: 43 })).not.toEqual(makePlan(big));
});

it('without a seed everybody is honest and nothing breaks', () => {
  const plan = makePlan({ ...big, seed: undefined });
  expect(plan.isChaos).toBe(false);
  expect(plan.faults).toEqual([]);
  expect(new Set(plan.validators)).toEqual(new Set(['honest']));
  expect(new Set(plan.providers.map(({ role }) => role))).toEqual(new Set(['honest']));
  expect(new Set(plan.agents)).toEqual(new Set(['honest', 'gateway']));
});

it('less than a third of the validators lie, and never the first', () => {
  for (const validators of [1, 2, 3, 4, 7, 10]) {
    for (const plan of plansOf({ ...big, validators })) {
      const liars = plan.validators.filter((role) => role !== 'honest').length;
      expect(liars * 3).toBeLessThan(validators);
      expect(plan.validators[0]).toBe('honest');
    }
  }
});

it('all faults are over before the calm, and none hides another', () => {
  for (const wish of [big, small]) {
    for (const { faults, calmAtMs } of plansOf(wish)) {
      expect(faults.length).toBeGreaterThan(1);
      for (const { atMs, forMs } of faults) {
        expect(atMs).toBeGreaterThanOrEqual(0);
        expect(atMs + forMs).toBeLessThanOrEqual(calmAtMs);
      }
      expect(pairsAtOnce(faults).filter(([a, b]) => shares(a, b))).toEqual([]);
    }
  }
});

it('faults are done to daemons that there are, and not to validators that never run', () => {
  for (const plan of [...plansOf(big), ...plansOf(small)]) {
    const { nodes, daemons } = namesOf(sizesOf(plan));
    const silent = nodes.filter((_, at) => plan.validators[at] !== 'honest');
    for (const name of plan.faults.flatMap(({ target }) => target)) {
      expect([...daemons, 'redis']).toContain(name);
      expect(silent).not.toContain(name);
    }
  }
});

it('sixty seeds of two minutes see every kind of fault, of liar and of buyer', () => {
  const plans = plansOf(big);
  const kinds = new Set<FaultKind>(plans.flatMap(({ faults }) => faults.map(({ kind }) => kind)));
  expect(kinds.size).toBe(8);
  expect(new Set(plans.flatMap(({ providers }) => providers.map(({ role }) => role))).size).toBe(9);
  expect(new Set(plans.flatMap(({ agents }) => agents)).size).toBe(10);
  expect(new Set(plans.flatMap(({ validators }) => validators)).size).toBe(3);
});

function pairsAtOnce(faults: readonly Fault[]): (readonly [Fault, Fault])[] {
  return faults.flatMap((a, at) =>
    faults
      .slice(at + 1)
      .filter((b) => a.atMs + a.forMs >= b.atMs && b.atMs + b.forMs >= a.atMs)
      .map((b) => [a, b] as const),
  );
}

function shares(a: Fault, b: Fault): boolean {
  return a.target.some((name) => b.target.includes(name));
}
