/**
 * Random lives of tasks in the real ledger: parties act or are silent, strangers try everything, time passes. At every
 * moment a task that holds coins has a dated exit, it is the one that `taskExit` names, and a stranger can take it. What
 * indexes compute from the transactions (`taskAfter`) is what the ledger has, and `taskMoves` names who may act.
 */
import {
  addressOf,
  type ChainTask,
  type Hex,
  limits,
  type SignedTx,
  type TaskMove,
  type TaskStep,
  taskAfter,
  taskExit,
  taskIdOf,
  taskMoves,
  zeroHash,
} from '@aitbc/protocol';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { auditFunds } from '../audit.ts';
import { createRuleLedger, type RuleLedger } from '../testing/rule-ledger.ts';
import { type Actor, actorOf, genesisTimeMs } from '../testing/world.ts';
import type { TaskState } from '../work-entries.ts';

const [poster, worker, arbiter] = [actorOf(1), actorOf(2), actorOf(3)];
const stranger = actorOf(9);
const actors = [poster, worker, arbiter, stranger];
const hash = 'ab'.repeat(32);
const reward = 1_000n;
const feesNait = 10_000n; // of one transaction
const allMoves: readonly TaskMove[] = [
  'accept',
  'submit',
  'approve',
  'dispute',
  'resolve',
  'expire',
];

const deed = fc.record({
  move: fc.constantFrom(...allMoves),
  by: fc.constantFrom(...actors),
  share: fc.bigInt({ min: 0n, max: reward + 1n }),
});
const silence = fc.constantFrom('almost until the date', 'until the date', 'a second');
const moments = fc.array(
  fc.oneof({ weight: 5, arbitrary: deed }, { weight: 1, arbitrary: silence }),
  { maxLength: 20 },
);
/** What honest parties do in order, mixed in so that lives get beyond their first step. */
const likely = fc.constantFrom(
  [],
  [{ move: 'accept', by: worker, share: 0n }] as const,
  [
    { move: 'accept', by: worker, share: 0n },
    { move: 'submit', by: worker, share: 0n },
  ] as const,
  [
    { move: 'accept', by: worker, share: 0n },
    { move: 'submit', by: worker, share: 0n },
    { move: 'dispute', by: poster, share: 0n },
  ] as const,
);
const terms = fc.record({
  worker: fc.constantFrom(worker.id, zeroHash),
  arbiter: fc.constantFrom(arbiter.id, zeroHash),
  reviewMs: fc.constantFrom(limits.taskReviewMsMin, 10_000, limits.taskReviewMsMax),
  spanMs: fc.constantFrom(1, 60_000, limits.taskSpanMsMax),
});

type Deed = typeof deed extends fc.Arbitrary<infer T> ? T : never;

interface Life {
  readonly ledger: RuleLedger;
  readonly taskId: Hex;
  readonly supply: bigint;
  /** The end of a block pays fees to its proposer; here they gather. */
  feesNait: bigint;
  task: ChainTask;
}

function begin({
  spanMs,
  ...choice
}: typeof terms extends fc.Arbitrary<infer T> ? T : never): Life {
  const ledger = createRuleLedger();
  ledger.overlay.put('account', stranger.id, { balance: 1_000_000n, nonce: 0, vault: 0n });
  const { supply, burned } = auditFunds(stateOf(ledger));
  const deadlineMs = genesisTimeMs + spanMs;
  const body = { ...choice, deadlineMs, reward, specHash: hash, salt: zeroHash };
  const taskId = taskIdOf(ledger.world.network, poster.id, body);
  ledger.done(ledger.world.tx('task_post', poster, body));
  const entry = ledger.overlay.entry('task', taskId) as TaskState;
  return { ledger, taskId, supply: supply + burned, feesNait, task: shownTask(taskId, entry) };
}

function stateOf({ world, overlay }: RuleLedger) {
  return new Map([...world.state, ...overlay.writes()]);
}

function txOf({ ledger: { world }, taskId }: Life, { move, by, share }: Deed): SignedTx {
  if (move === 'submit') return world.tx('task_submit', by, { taskId, resultHash: hash });
  if (move === 'dispute') return world.tx('task_dispute', by, { taskId, reasonHash: hash });
  if (move === 'resolve') return world.tx('task_resolve', by, { taskId, workerShareNait: share });
  return world.tx(`task_${move}` as 'task_accept', by, { taskId });
}

function stepOf({ move, by, share }: Deed, timeMs: number): TaskStep {
  if (move === 'accept') return { move, from: addressOf(by.id) };
  if (move === 'submit') return { move, resultHash: hash, timeMs };
  if (move === 'dispute') return { move, reasonHash: hash, timeMs };
  if (move === 'resolve') return { move, workerShareNait: share.toString() };
  return { move };
}

/** Does it if the ledger lets; true when it did. */
function attempt(life: Life, wish: Deed): boolean {
  const { ledger, task } = life;
  const verdict = ledger.run(txOf(life, wish));
  const roles = taskMoves(task, ledger.timeMs).filter(({ move }) => move === wish.move);
  const isAllowed = roles.some(
    ({ role }) => role === 'anyone' || partyOf(task, role) === idOf(wish.by),
  );
  if (verdict.ok) {
    expect(isAllowed, `${wish.move} was taken`).toBe(true);
    life.feesNait += feesNait;
    life.task = taskAfter(task, stepOf(wish, ledger.timeMs));
  } else if (isAllowed) {
    // Only what no role can tell: a share above the reward, a task for anyone that its own poster or arbiter takes.
    expect(['TASK_TERMS_INVALID', 'TASK_NOT_PARTY']).toContain(verdict.code);
  }
  checkMoment(life);
  return verdict.ok;
}

const idOf = (actor: Actor) => addressOf(actor.id);

function partyOf({ poster, worker, arbiter }: ChainTask, role: string): string | null {
  return { poster, worker, arbiter }[role] ?? null;
}

/** What holds at every moment. */
function checkMoment({ ledger, taskId, task, supply, feesNait: fees }: Life): void {
  const entry = ledger.overlay.entry('task', taskId) as TaskState;
  expect(shownTask(taskId, entry)).toStrictEqual(task);
  const audit = auditFunds(stateOf(ledger));
  expect(audit.problems).toStrictEqual([]);
  expect(audit.supply + audit.burned + fees).toBe(supply);
  const lock = audit.locks.find(({ key }) => key === `t${taskId}`);
  const exit = taskExit(task);
  expect(exit && { dueMs: exit.atMs, owner: partyOf(task, exit.to) }).toStrictEqual(
    lock && { dueMs: lock.dueMs, owner: addressOf(lock.owner) },
  );
  expect(taskMoves(task, ledger.timeMs).length > 0).toBe(exit !== undefined);
}

/** Everybody is silent until the date; then nobody can do anything but end it, and a stranger does. */
function leave(life: Life): void {
  const { ledger } = life;
  const exit = taskExit(life.task);
  if (!exit) return;
  const expire = { move: 'expire', by: stranger, share: 0n } as const;
  if (ledger.timeMs < exit.atMs) {
    ledger.timeMs = exit.atMs - 1;
    expect(attempt(life, expire)).toBe(false);
    ledger.timeMs = exit.atMs;
  }
  for (const move of allMoves.slice(0, -1)) {
    for (const by of actors) expect(attempt(life, { move, by, share: 0n })).toBe(false);
  }
  const receiver = exit.to === 'poster' ? poster : receiverOf(life.task);
  const before = ledger.balanceOf(receiver);
  expect(attempt(life, expire)).toBe(true);
  const fee = receiver === stranger ? feesNait : 0n;
  expect(ledger.balanceOf(receiver) - before).toBe(reward - fee);
  expect(life.task.state).toBe('ended');
}

function receiverOf({ worker: address }: ChainTask): Actor {
  const found = actors.find((actor) => idOf(actor) === address);
  if (!found) throw new RangeError('the worker is one of the actors');
  return found;
}

function shownTask(taskId: Hex, task: TaskState): ChainTask {
  const hashOf = (value: Hex) => (value === zeroHash ? null : value);
  const addressIn = (id: Hex) => (id === zeroHash ? null : addressOf(id));
  const { deadlineMs, reviewMs, specHash, state, dueMs } = task;
  return {
    ...{ taskId, poster: addressOf(task.poster), reward: task.reward.toString() },
    ...{ worker: addressIn(task.worker), arbiter: addressIn(task.arbiter) },
    ...{ deadlineMs, reviewMs, specHash, state, dueMs },
    ...{ resultHash: hashOf(task.resultHash), reasonHash: hashOf(task.reasonHash) },
    workerShareNait: task.workerShareNait.toString(),
  };
}

describe('no sequence of actions and silences', () => {
  it('leaves a task without a dated exit that a stranger can take', () => {
    const ends = new Map<string, number>();
    fc.assert(
      fc.property(terms, likely, moments, (choice, first, rest) => {
        const life = begin(choice);
        checkMoment(life);
        for (const moment of [...first, ...rest]) {
          const exit = taskExit(life.task);
          if (typeof moment === 'object') attempt(life, moment);
          else if (moment === 'a second') life.ledger.timeMs += 1_000;
          else if (exit) {
            const almost = moment === 'until the date' ? 0 : 1;
            life.ledger.timeMs = Math.max(life.ledger.timeMs, exit.atMs - almost);
          }
        }
        ends.set(life.task.state, (ends.get(life.task.state) ?? 0) + 1);
        leave(life);
      }),
      { numRuns: 150, seed: 6 },
    );
    // The lives were no trivial ones: each state was left by silence, and some ended before.
    for (const state of ['open', 'accepted', 'submitted', 'disputed', 'ended']) {
      expect(ends.get(state), state).toBeGreaterThan(0);
    }
  });
});
