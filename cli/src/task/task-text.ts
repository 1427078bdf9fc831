/** Tasks as rows and facts, always with the dated exit. */
import {
  type ChainTask,
  type ListedTask,
  type TaskEvent,
  type TaskMove,
  type TaskRole,
  taskExit,
  taskMoves,
} from '@aitbc/protocol';
import { aitText } from '../amounts.ts';
import { durationText, shortAddress, shortHash } from '../wording.ts';

/** A date as people read it: `2027-01-02 03:04:05 UTC`. */
export function dateText(atMs: number): string {
  return `${new Date(atMs).toISOString().slice(0, 19).replace('T', ' ')} UTC`;
}

/** What becomes of the reward when nobody acts, and when. `nowMs` is chain time. */
export function exitText(task: ChainTask, nowMs: number): string {
  const exit = taskExit(task);
  const { taskId, reward, poster, worker } = task;
  if (!exit) return endText(task);
  const party = exit.to === 'poster' ? poster : (worker ?? '');
  const goes = `the reward of ${aitText(reward)} goes to the ${exit.to} ${party}`;
  const how = `aitbc task expire ${taskId}`;
  if (nowMs >= exit.atMs) {
    return `The date ${dateText(exit.atMs)} has passed: ${goes} as soon as anyone sends ${how}`;
  }
  const until = `${dateText(exit.atMs)} (in ${durationText(exit.atMs - nowMs)})`;
  return `If nobody acts until ${until}, ${goes}; anyone may then send ${how}`;
}

function endText({ reward, workerShareNait, worker, poster }: ChainTask): string {
  const rest = (BigInt(reward) - BigInt(workerShareNait)).toString();
  const shares = [
    ...(workerShareNait === '0' ? [] : [`${aitText(workerShareNait)} to the worker ${worker}`]),
    ...(rest === '0' ? [] : [`${aitText(rest)} to the poster ${poster}`]),
  ];
  return `It has ended: ${shares.join(', ')}.`;
}

const doing: Readonly<Record<TaskMove, string>> = {
  accept: 'accept it',
  submit: 'submit the result (--file)',
  approve: 'approve, which pays the worker',
  dispute: 'dispute it (--reason)',
  resolve: 'decide (--worker-share)',
  expire: 'end it',
};

/** Who may do what next, one line for each. */
export function movesText(task: ChainTask, nowMs: number): string[] {
  return taskMoves(task, nowMs).map(({ role, move }) => {
    const until = nowMs < task.dueMs ? ` until ${dateText(task.dueMs)}` : '';
    return `${partyText(task, role)} may ${doing[move]}${until}: aitbc task ${move} ${task.taskId}`;
  });
}

function partyText({ poster, worker, arbiter }: ChainTask, role: TaskRole): string {
  const address = { poster, worker, arbiter, anyone: null }[role];
  return address === null ? 'Anyone' : `The ${role} ${shortAddress(address)}`;
}

/** Titles of the columns of `taskRow`. */
export const taskHead = ['task', 'title', 'state', 'reward', 'until (UTC)', 'then to'];

/** One task of the list. */
export function taskRow(task: ListedTask): string[] {
  const { taskId, title, skill, state, reward } = task;
  const exit = taskExit(task);
  const name = title ?? 'its specification is not here';
  return [
    taskId,
    skill === null ? name : `${name} (${skill})`,
    state,
    aitText(reward),
    exit ? dateText(exit.atMs).replace(' UTC', '') : '–',
    exit ? `the ${exit.to}` : '–',
  ];
}

/** Facts of one task. */
export function taskFacts(task: ChainTask & Partial<Pick<ListedTask, 'title' | 'skill'>>) {
  const { taskId, title, skill, state, reward, poster, worker, arbiter, reviewMs } = task;
  return [
    ['task', taskId],
    ...(title ? [['title', title]] : []),
    ...(skill ? [['skill', skill]] : []),
    ['state', state],
    ['reward', aitText(reward)],
    ['poster', poster],
    ['worker', worker ?? 'anyone may accept it'],
    ['arbiter', arbiter ?? 'none: it cannot be disputed'],
    ['deadline', dateText(task.deadlineMs)],
    ['review', `${durationText(reviewMs)}, then silence is approval`],
    ['specification', shortHash(task.specHash)],
    ...(task.resultHash === null ? [] : [['result', shortHash(task.resultHash)]]),
    ...(task.reasonHash === null ? [] : [['reason', shortHash(task.reasonHash)]]),
  ];
}

const eventTexts: Readonly<Record<TaskEvent['kind'], string>> = {
  posted: 'posted; the reward is set aside',
  accepted: 'accepted',
  submitted: 'a result was submitted',
  approved: 'approved; the worker was paid',
  disputed: 'disputed; the arbiter decides',
  resolved: 'the arbiter has decided',
  expired: 'ended after its date',
  described: 'the specification came in',
  delivered: 'the result came in',
  reasoned: 'the reason of the dispute came in',
  due_soon: 'its date is near',
  overdue: 'its date has passed: anyone may end it',
};

/** One step of a task: when, what, who. */
export function stepRow({ atMs, kind, actor }: TaskEvent): string[] {
  return [dateText(atMs), eventTexts[kind], actor === null ? '' : shortAddress(actor)];
}
