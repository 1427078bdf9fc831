/** JSON forms of tasks and validators. */
import type { TaskState, ValidatorState } from '@aitbc/chain';
import { addressOf, type Hex, type nodeRpc, type OutputOf, zeroHash } from '@aitbc/protocol';

type Rpc = typeof nodeRpc;

const addressOrNone = (id: Hex): string | null => (id === zeroHash ? null : addressOf(id));
const hashOrNone = (hash: Hex): Hex | null => (hash === zeroHash ? null : hash);

/** A task; hashes that were not given yet are null. */
export function taskToJson(taskId: Hex, task: TaskState): OutputOf<Rpc['state_getTask']> {
  const { poster, worker, arbiter, reward, deadlineMs, reviewMs, specHash, state, dueMs } = task;
  return {
    taskId,
    poster: addressOf(poster),
    worker: addressOrNone(worker),
    arbiter: addressOrNone(arbiter),
    reward: reward.toString(),
    ...{ deadlineMs, reviewMs, specHash, state, dueMs },
    resultHash: hashOrNone(task.resultHash),
    reasonHash: hashOrNone(task.reasonHash),
    workerShareNait: task.workerShareNait.toString(),
  };
}

/** A validator with its stake. */
export function validatorToJson(
  validator: Hex,
  state: ValidatorState,
): OutputOf<Rpc['state_getValidator']> {
  const { owner, stake, leaving, ...rest } = state;
  return {
    validator,
    owner: addressOf(owner),
    stake: stake.toString(),
    leaving: leaving.toString(),
    ...rest,
  };
}
