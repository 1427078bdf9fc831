/**
 * An agent that works for others: it takes tasks, does them one after the other, and submits the results.
 *
 * News of the coordinator are only a reason to look; what is done is decided by the chain. A task that was accepted before
 * a restart is done again: its result is what counts, and it is paid once. A task whose handler throws is left to its
 * deadline, which gives the reward back to the poster.
 */
import { asAppError, type Hex, type ListedTask } from '@aitbc/protocol';
import type { BuyerLog } from '../books/log.ts';
import { pause } from '../chain/pause.ts';
import type { Tasks } from '../tasks/types.ts';
import type { OfferedTask, ServeOptions, Service, TaskHandler } from './types.ts';

/** What serving needs. */
export interface ServeDeps {
  readonly tasks: Tasks;
  /** The agent's own address. */
  readonly address: string;
  readonly log: BuyerLog;
}

const lookEveryMs = 2_000;
const retryMs = 1_000;
const doneMax = 10_000;

interface Shift {
  readonly deps: ServeDeps;
  readonly skill: string;
  readonly handler: TaskHandler;
  readonly options: ServeOptions;
  readonly signal: AbortSignal;
  /** Tasks that are done with: submitted, failed, or not ours. */
  readonly done: Set<Hex>;
  submitted: number;
}

/** Serves until it is stopped or the signal of the options aborts. */
export function serve(
  deps: ServeDeps,
  { skill, handler, options }: { skill: string; handler: TaskHandler; options: ServeOptions },
): Service {
  const ending = new AbortController();
  const end = () => ending.abort();
  options.signal?.addEventListener('abort', end, { once: true });
  if (options.signal?.aborted) end();
  const { signal } = ending;
  const shift: Shift = {
    ...{ deps, skill: skill.toLowerCase(), handler, options, signal },
    ...{ done: new Set(), submitted: 0 },
  };
  const bell = createBell();
  const running = Promise.all([work(shift, bell), listen(shift, bell)]);
  return {
    get submitted() {
      return shift.submitted;
    },
    async stop() {
      end();
      bell.ring();
      await running;
    },
  };
}

/** Looks for tasks when the bell rings, and from time to time. */
async function work(shift: Shift, bell: ReturnType<typeof createBell>): Promise<void> {
  const { signal, deps } = shift;
  while (!signal.aborted) {
    try {
      for (const task of await findTasks(shift)) if (!signal.aborted) await doTask(shift, task);
    } catch (error) {
      if (!signal.aborted) deps.log.warn({ err: error }, 'tasks cannot be looked for');
    }
    await bell.wait(lookEveryMs, signal);
  }
}

/** Rings for each piece of news. */
async function listen(shift: Shift, bell: ReturnType<typeof createBell>): Promise<void> {
  const { deps, signal, options, skill } = shift;
  const { tasks, address } = deps;
  const follow = async (query: { account?: string; skill?: string }): Promise<void> => {
    while (!signal.aborted) {
      try {
        for await (const _news of tasks.watch(query, signal)) bell.ring();
      } catch (error) {
        if (!signal.aborted) deps.log.warn({ err: error }, 'news of tasks do not come');
      }
      await pause(retryMs, signal).catch(() => {});
    }
  };
  await Promise.all([follow({ account: address }), options.takesOpen && follow({ skill })]);
}

async function findTasks({ deps, skill, options, signal, done }: Shift): Promise<ListedTask[]> {
  const { tasks, address } = deps;
  const { takesOpen = false, minRewardNait = 0n } = options;
  const queries = [
    { worker: address, state: 'accepted' as const },
    { worker: address, state: 'open' as const },
    ...(takesOpen ? [{ skill, state: 'open' as const }] : []),
  ];
  const pages = await Promise.all(queries.map((query) => tasks.list(query, { signal })));
  const found = new Map(pages.flat().map((task) => [task.taskId, task]));
  return [...found.values()].filter((task) => {
    const isOurs = task.worker === address || (task.worker === null && takesOpen);
    const isFit = task.skill === skill && BigInt(task.reward) >= minRewardNait;
    return isOurs && isFit && task.poster !== address && !done.has(task.taskId);
  });
}

async function doTask(shift: Shift, listed: ListedTask): Promise<void> {
  const { deps, handler, options, signal, done } = shift;
  const { tasks, address } = deps;
  const { taskId } = listed;
  try {
    const task = await tasks.onChain(taskId, { signal });
    const isFree = task.state === 'open' && (task.worker === null || task.worker === address);
    const isBegun = task.state === 'accepted' && task.worker === address;
    if (isFree || isBegun) {
      const spec = await tasks.spec(taskId, { signal });
      if (isFree) await tasks.accept(taskId, { signal });
      const { poster, reward, deadlineMs } = task;
      const terms = { taskId, poster, deadlineMs, rewardNait: BigInt(reward) };
      const offered: OfferedTask = { ...terms, state: 'accepted', spec };
      const text = await handler(offered, signal);
      const submitted = await tasks.submit(taskId, text, { signal });
      shift.submitted += 1;
      await handIn(tasks, submitted, signal);
    }
    remember(done, taskId);
  } catch (error) {
    if (signal.aborted) return;
    const known = asAppError(error);
    if (!known.row.retryable || known.code === 'INTERNAL') remember(done, taskId);
    deps.log.warn({ err: error, taskId }, 'a task was not done');
    options.onError?.(taskId, error);
  }
}

/** Hands a result in that the coordinator did not take at once. */
async function handIn(
  tasks: Tasks,
  { taskId, document, isDocumentStored }: Awaited<ReturnType<Tasks['submit']>>,
  signal: AbortSignal,
): Promise<void> {
  if (isDocumentStored !== false || document === undefined) return;
  await tasks.giveDocument({ taskId, name: 'result', document }, { signal });
}

function remember(done: Set<Hex>, taskId: Hex): void {
  done.add(taskId);
  if (done.size > doneMax) done.delete(done.keys().next().value as Hex);
}

/** A ring while nobody waits ends the next wait at once. */
function createBell() {
  let isRung = false;
  let wake: (() => void) | undefined;
  return {
    ring() {
      isRung = true;
      wake?.();
    },
    async wait(timeoutMs: number, signal: AbortSignal): Promise<void> {
      const woken = new AbortController();
      wake = () => woken.abort();
      if (!isRung && !signal.aborted) {
        await pause(timeoutMs, AbortSignal.any([signal, woken.signal])).catch(() => {});
      }
      wake = undefined;
      isRung = false;
    },
  };
}
