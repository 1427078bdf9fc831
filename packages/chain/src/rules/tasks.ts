/**
 * Task escrow: a reward that waits for work, with a date and a way out in every state.
 *
 *   post ─→ OPEN ─accept→ ACCEPTED ─submit→ SUBMITTED ─approve→ ENDED (worker)
 *                                              │
 *                                              └─dispute→ DISPUTED ─resolve→ ENDED (shares of the arbiter)
 *                                                             └─approve→ ENDED (worker)
 *
 *   state      what it waits for      `dueMs`                    anyone may end it from then on, and it pays
 *   OPEN       a worker               the deadline               the poster
 *   ACCEPTED   the result             the deadline               the poster
 *   SUBMITTED  the poster's opinion   submission + reviewMs      the worker: silence is approval
 *   DISPUTED   the arbiter            dispute + taskDisputeMs    the poster: nobody decided against it
 *   ENDED      nothing                0                          nothing is left
 *
 * Until `dueMs` only the parties act, from `dueMs` on only `task_expire` does, so no step races with another. When the
 * chain stood still at `dueMs`, parties have the time to catch up as well (dates.ts).
 * A task without an arbiter cannot be disputed: its poster chose to trust the worker, and the worker need not
 * fear a dispute that nobody can decide. With one, a worker that accepts agrees to this arbiter, and to its
 * silence, which leaves the reward with the poster.
 *
 * Not prevented: an open task for anyone can be accepted by somebody who never delivers; the poster gets its
 * reward back at the deadline. Rejected: taking a task back before its deadline (a worker may have begun), and
 * halving an undecided reward (disputing would always pay). See docs/spec/chain.md, "Tasks".
 */
import {
  accept,
  type Hex,
  limits,
  refuse,
  type TxBody,
  type TxKind,
  taskIdOf,
  type Verdict,
  zeroHash,
} from '@aitbc/protocol';
import type { Overlay } from '../state.ts';
import type { TaskState, TaskStateName } from '../work-entries.ts';
import { dateInForce } from './dates.ts';
import { applied, checkNotZero, credit, type Outcome, type Rule, type Step } from './rule.ts';

/** Kinds that move a task which exists. */
type TaskKind = Extract<TxKind, `task_${string}`>;
type TaskMove = Exclude<TaskKind, 'task_post'>;

function badTerms(reason: string): Verdict<never> {
  return refuse('TASK_TERMS_INVALID', { reason });
}

/** Refusals: TX_AMOUNT_ZERO, TASK_TERMS_INVALID. */
function checkTerms(from: Hex, terms: TxBody<'task_post'>): Verdict<true> {
  const { worker, arbiter, reward, reviewMs } = terms;
  const { taskReviewMsMin: min, taskReviewMsMax: max } = limits;
  if (reviewMs < min || reviewMs > max) {
    return badTerms(`reviewMs is ${reviewMs}, not between ${min} and ${max}`);
  }
  if (worker === from) return badTerms('the poster is its own worker');
  if (arbiter === from) return badTerms('the poster is its own arbiter');
  if (arbiter !== zeroHash && arbiter === worker) return badTerms('the worker is its own arbiter');
  return checkNotZero(reward);
}

export const taskPost: Rule<'task_post'> = {
  form: checkTerms,
  spend: ({ reward }) => reward,
  apply({ overlay, context, from, body }) {
    const taskId = taskIdOf(context.network, from, body);
    if (overlay.entry('task', taskId)) return refuse('TASK_EXISTS', { taskId });
    const { timeMs } = context;
    const { deadlineMs } = body;
    if (deadlineMs <= timeMs || deadlineMs > timeMs + limits.taskSpanMsMax) {
      return badTerms(`the deadline ${deadlineMs} is not within ${limits.taskSpanMsMax} ms`);
    }
    const results = { resultHash: zeroHash, reasonHash: zeroHash, workerShareNait: 0n };
    const task = { poster: from, ...body, state: 'open' as const, dueMs: deadlineMs, ...results };
    overlay.put('task', taskId, task);
    return applied;
  },
};

/** Who may make a move, from which states, and what becomes of the task. */
interface Move<K extends TaskMove> {
  readonly states: readonly TaskStateName[];
  readonly role: 'poster' | 'worker' | 'arbiter';
  readonly isParty: (task: TaskState, from: Hex) => boolean;
  readonly next: (task: TaskState, step: Step<K>) => Outcome;
}

/** A rule that finds the task, checks its state, its time and the sender, and then moves it. */
function moveRule<K extends TaskMove>(move: Move<K>): Rule<K> {
  return {
    apply(step) {
      const { overlay, context, from } = step;
      const { taskId } = step.body as TxBody<'task_accept'>;
      const task = overlay.entry('task', taskId);
      if (!task) return refuse('TASK_UNKNOWN', { taskId });
      const { state } = task;
      if (!move.states.includes(state)) return refuse('TASK_STATE_WRONG', { taskId, state });
      if (!move.isParty(task, from)) return refuse('TASK_NOT_PARTY', { taskId, role: move.role });
      const dueAt = dateInForce({ overlay, context }, task.dueMs);
      if (context.timeMs >= dueAt) return refuse('TASK_LATE', { dueAt, now: context.timeMs });
      return move.next(task, step);
    },
  };
}

/** Pays the worker its share and the poster the rest, for ever. */
function endTask(
  overlay: Overlay,
  { taskId, task, share }: { taskId: Hex; task: TaskState; share: bigint },
): Outcome {
  const { worker, poster, reward } = task;
  overlay.put('task', taskId, { ...task, state: 'ended', dueMs: 0, workerShareNait: share });
  const shares: readonly (readonly [Hex, bigint])[] = [
    [worker, share],
    [poster, reward - share],
  ];
  for (const [id, balance] of shares) {
    const paid = balance > 0n ? credit(overlay, id, { balance }) : accept(true);
    if (!paid.ok) return paid;
  }
  return applied;
}

export const taskAccept: Rule<'task_accept'> = moveRule({
  states: ['open'],
  role: 'worker',
  isParty: ({ worker, poster, arbiter }, from) =>
    worker === zeroHash ? from !== poster && from !== arbiter : from === worker,
  next(task, { overlay, from, body: { taskId } }) {
    overlay.put('task', taskId, { ...task, worker: from, state: 'accepted' });
    return applied;
  },
});

export const taskSubmit: Rule<'task_submit'> = moveRule({
  states: ['accepted'],
  role: 'worker',
  isParty: ({ worker }, from) => from === worker,
  next(task, { overlay, context, body: { taskId, resultHash } }) {
    const dueMs = context.timeMs + task.reviewMs;
    overlay.put('task', taskId, { ...task, state: 'submitted', dueMs, resultHash });
    return applied;
  },
});

export const taskApprove: Rule<'task_approve'> = moveRule({
  states: ['submitted', 'disputed'],
  role: 'poster',
  isParty: ({ poster }, from) => from === poster,
  next: (task, { overlay, body: { taskId } }) =>
    endTask(overlay, { taskId, task, share: task.reward }),
});

export const taskDispute: Rule<'task_dispute'> = moveRule({
  states: ['submitted'],
  role: 'poster',
  isParty: ({ poster }, from) => from === poster,
  next(task, { overlay, context, body: { taskId, reasonHash } }) {
    if (task.arbiter === zeroHash) return badTerms('it has no arbiter, so nobody could decide');
    const dueMs = context.timeMs + limits.taskDisputeMs;
    overlay.put('task', taskId, { ...task, state: 'disputed', dueMs, reasonHash });
    return applied;
  },
});

export const taskResolve: Rule<'task_resolve'> = moveRule({
  states: ['disputed'],
  role: 'arbiter',
  isParty: ({ arbiter }, from) => from === arbiter,
  next(task, { overlay, body: { taskId, workerShareNait: share } }) {
    if (share > task.reward) return badTerms(`the share is above the reward of ${task.reward}`);
    return endTask(overlay, { taskId, task, share });
  },
});

export const taskExpire: Rule<'task_expire'> = {
  apply({ overlay, context, body: { taskId } }) {
    const task = overlay.entry('task', taskId);
    if (!task) return refuse('TASK_UNKNOWN', { taskId });
    const { state, reward } = task;
    if (state === 'ended') return refuse('TASK_STATE_WRONG', { taskId, state });
    const dueAt = dateInForce({ overlay, context }, task.dueMs);
    if (context.timeMs < dueAt) {
      return refuse('TASK_EARLY', { taskId, dueAt, now: context.timeMs });
    }
    return endTask(overlay, { taskId, task, share: state === 'submitted' ? reward : 0n });
  },
};
