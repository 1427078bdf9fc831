import {
  type ErrorCode,
  limits,
  type SignedTx,
  type TxBody,
  taskIdOf,
  zeroHash,
} from '@aitbc/protocol';
import { beforeEach, describe, expect, it } from 'vitest';
import { auditFunds } from '../audit.ts';
import { encodeEntry } from '../entries.ts';
import { createRuleLedger, type RuleLedger } from '../testing/rule-ledger.ts';
import { type Actor, actorOf, balanceNait, genesisTimeMs } from '../testing/world.ts';
import type { TaskState } from '../work-entries.ts';

const [poster, worker, arbiter] = [actorOf(1), actorOf(2), actorOf(3)];
const nobody = actorOf(9);
const hash = 'ab'.repeat(32);
const reward = 900n;

const terms: TxBody<'task_post'> = {
  worker: worker.id,
  arbiter: arbiter.id,
  reward,
  deadlineMs: genesisTimeMs + 60_000,
  reviewMs: 10_000,
  specHash: hash,
  salt: zeroHash,
};

let ledger: RuleLedger;
let taskId: string;

beforeEach(() => {
  ledger = createRuleLedger();
  ledger.overlay.put('account', nobody.id, { balance: 1_000_000n, nonce: 0, vault: 0n });
  taskId = taskIdOf(ledger.world.network, poster.id, terms);
});

const post = (changes: Partial<typeof terms> = {}) =>
  ledger.world.tx('task_post', poster, { ...terms, ...changes });
const accept = (by = worker) => ledger.world.tx('task_accept', by, { taskId });
const submit = (by = worker) => ledger.world.tx('task_submit', by, { taskId, resultHash: hash });
const approve = (by = poster) => ledger.world.tx('task_approve', by, { taskId });
const dispute = (by = poster) => ledger.world.tx('task_dispute', by, { taskId, reasonHash: hash });
const resolve = (workerShareNait: bigint, by = arbiter) =>
  ledger.world.tx('task_resolve', by, { taskId, workerShareNait });
const expire = (by: Actor = nobody) => ledger.world.tx('task_expire', by, { taskId });
const task = (): TaskState | undefined => ledger.overlay.entry('task', taskId);

/** What an account has got or paid, without its fees. */
function gainOf(actor: Actor, sent: number): bigint {
  return ledger.balanceOf(actor) - balanceNait + 10_000n * BigInt(sent);
}

function expectRefused(tx: SignedTx, code: ErrorCode, facts: object = {}): void {
  const before = ledger.overlay.writes();
  expect(ledger.run(tx)).toMatchObject({ ok: false, code, facts });
  expect(ledger.overlay.writes()).toStrictEqual(before);
}

function bringTo(state: 'open' | 'accepted' | 'submitted' | 'disputed'): void {
  const steps = [post(), accept(), submit(), dispute()];
  const count = ['open', 'accepted', 'submitted', 'disputed'].indexOf(state) + 1;
  for (const tx of steps.slice(0, count)) ledger.done(tx);
}

describe('a task', () => {
  it('pays the worker when the poster approves', () => {
    bringTo('submitted');
    expect(task()).toMatchObject({ state: 'submitted', dueMs: ledger.timeMs + 10_000 });
    expect(gainOf(poster, 1)).toBe(-reward);
    ledger.done(approve());
    expect([gainOf(worker, 2), gainOf(poster, 2)]).toStrictEqual([reward, -reward]);
    expect(task()).toMatchObject({ state: 'ended', dueMs: 0, workerShareNait: reward });
  });

  it('pays the worker when the poster says nothing', () => {
    bringTo('submitted');
    ledger.timeMs += 9_999;
    expectRefused(expire(), 'TASK_EARLY', { dueAt: genesisTimeMs + 10_000 });
    ledger.timeMs += 1;
    expectRefused(approve(), 'TASK_LATE');
    expectRefused(dispute(), 'TASK_LATE');
    ledger.done(expire());
    expect(gainOf(worker, 2)).toBe(reward);
  });

  it.each(['open', 'accepted'] as const)(
    'that is %s goes back to its poster at the deadline',
    (state) => {
      bringTo(state);
      ledger.timeMs = terms.deadlineMs - 1;
      expectRefused(expire(), 'TASK_EARLY');
      ledger.timeMs = terms.deadlineMs;
      expectRefused(state === 'open' ? accept() : submit(), 'TASK_LATE', {
        dueAt: terms.deadlineMs,
      });
      ledger.done(expire());
      expect(gainOf(poster, 1)).toBe(0n);
      expect(task()).toMatchObject({ state: 'ended', workerShareNait: 0n });
    },
  );

  it.each([0n, 300n, reward])('in dispute is shared as its arbiter says: %d', (share) => {
    bringTo('disputed');
    expect(task()).toMatchObject({
      state: 'disputed',
      dueMs: ledger.timeMs + limits.taskDisputeMs,
    });
    expectRefused(resolve(reward + 1n), 'TASK_TERMS_INVALID');
    ledger.done(resolve(share));
    expect([gainOf(worker, 2), gainOf(poster, 2)]).toStrictEqual([share, -share]);
  });

  it('in dispute may still be approved, and goes back to the poster when nobody decides', () => {
    bringTo('disputed');
    const { overlay } = ledger;
    const disputed = overlay.writes();
    ledger.done(approve());
    expect(gainOf(worker, 2)).toBe(reward);
    for (const [key, value] of disputed) overlay.set(key, value);
    ledger.timeMs += limits.taskDisputeMs;
    expectRefused(resolve(1n), 'TASK_LATE');
    expectRefused(approve(), 'TASK_LATE');
    ledger.done(expire());
    expect(gainOf(poster, 2)).toBe(0n);
  });

  it('for anyone is done by who accepts it first, but not by its poster or arbiter', () => {
    const open = { worker: zeroHash };
    taskId = taskIdOf(ledger.world.network, poster.id, { ...terms, ...open });
    ledger.done(post(open));
    expectRefused(accept(poster), 'TASK_NOT_PARTY');
    expectRefused(accept(arbiter), 'TASK_NOT_PARTY');
    ledger.done(accept(nobody));
    expect(task()?.worker).toBe(nobody.id);
    expectRefused(accept(), 'TASK_STATE_WRONG', { state: 'accepted' });
    expectRefused(submit(), 'TASK_NOT_PARTY', { role: 'worker' });
  });

  it('without an arbiter cannot be disputed', () => {
    const trusting = { arbiter: zeroHash };
    taskId = taskIdOf(ledger.world.network, poster.id, { ...terms, ...trusting });
    for (const tx of [post(trusting), accept(), submit()]) ledger.done(tx);
    expectRefused(dispute(), 'TASK_TERMS_INVALID');
    ledger.done(approve());
  });

  it('is moved by its parties alone', () => {
    bringTo('open');
    expectRefused(accept(nobody), 'TASK_NOT_PARTY', { role: 'worker' });
    ledger.done(accept());
    ledger.done(submit());
    expectRefused(approve(worker), 'TASK_NOT_PARTY', { role: 'poster' });
    expectRefused(dispute(arbiter), 'TASK_NOT_PARTY', { role: 'poster' });
    ledger.done(dispute());
    expectRefused(resolve(1n, poster), 'TASK_NOT_PARTY', { role: 'arbiter' });
  });

  it('takes each step once and in order', () => {
    for (const tx of [accept(), submit(), approve(), dispute(), resolve(1n), expire()]) {
      expectRefused(tx, 'TASK_UNKNOWN');
    }
    bringTo('open');
    for (const tx of [submit(), approve(), dispute(), resolve(1n)]) {
      expectRefused(tx, 'TASK_STATE_WRONG', { state: 'open' });
    }
    expectRefused(post(), 'TASK_EXISTS');
    for (const tx of [accept(), submit(), approve()]) ledger.done(tx);
    for (const tx of [accept(), submit(), approve(), dispute(), resolve(1n), expire()]) {
      expectRefused(tx, 'TASK_STATE_WRONG', { state: 'ended' });
    }
    expectRefused(post(), 'TASK_EXISTS');
    ledger.done(post({ salt: hash }));
  });

  it('is refused with terms that make no sense', () => {
    expectRefused(post({ reward: 0n }), 'TX_AMOUNT_ZERO');
    expectRefused(post({ worker: poster.id }), 'TASK_TERMS_INVALID');
    expectRefused(post({ arbiter: poster.id }), 'TASK_TERMS_INVALID');
    expectRefused(post({ arbiter: worker.id }), 'TASK_TERMS_INVALID');
    expectRefused(post({ reviewMs: limits.taskReviewMsMin - 1 }), 'TASK_TERMS_INVALID');
    expectRefused(post({ reviewMs: limits.taskReviewMsMax + 1 }), 'TASK_TERMS_INVALID');
    expectRefused(post({ deadlineMs: ledger.timeMs }), 'TASK_TERMS_INVALID');
    const tooFar = ledger.timeMs + limits.taskSpanMsMax + 1;
    expectRefused(post({ deadlineMs: tooFar }), 'TASK_TERMS_INVALID');
    expectRefused(post({ reward: balanceNait }), 'TX_FUNDS_INSUFFICIENT');
  });

  it('pays nothing that would pass 2^64-1', () => {
    bringTo('submitted');
    ledger.overlay.put('account', worker.id, { balance: 2n ** 64n - 1n, nonce: 2, vault: 0n });
    expectRefused(approve(), 'TX_AMOUNT_OVERFLOW');
  });
});

describe('the audit of a task', () => {
  const key = () => `t${taskId}`;
  const problemsWith = (changes: Partial<TaskState>) => {
    const value = encodeEntry('task', { ...(task() as TaskState), ...changes });
    return auditFunds(new Map([[key(), value]])).problems;
  };

  it.each([
    ['open', poster],
    ['submitted', worker],
    ['disputed', poster],
  ] as const)('names who gets it when it is %s, and when', (state, owner) => {
    bringTo(state);
    const { tasks, locks, problems } = auditFunds(ledger.overlay.writes());
    expect(problems).toStrictEqual([]);
    expect(tasks).toBe(reward);
    const dueMs = task()?.dueMs;
    expect(locks).toStrictEqual([
      { key: key(), amount: reward, owner: owner.id, releasedBy: 'task_expire', dueMs },
    ]);
  });

  it('reports each broken invariant', () => {
    bringTo('accepted');
    expect(problemsWith({ dueMs: 0 })[0]).toMatch('no date');
    expect(problemsWith({ state: 'ended' })[0]).toMatch('has ended');
    expect(problemsWith({ worker: zeroHash })[0]).toMatch('no worker');
    expect(problemsWith({ workerShareNait: 1n })[0]).toMatch('got more');
    const ended = { state: 'ended', dueMs: 0, workerShareNait: reward + 1n } as const;
    expect(problemsWith(ended)[0]).toMatch('got more');
  });
});
