/** JSON forms of mandates, tasks and validators. */
import {
  type MandateState,
  mandateAllows,
  type TaskState,
  type ValidatorState,
} from '@aitbc/chain';
import { addressOf, type Hex, type nodeRpc, type OutputOf, zeroHash } from '@aitbc/protocol';

type Rpc = typeof nodeRpc;

const addressOrNone = (id: Hex): string | null => (id === zeroHash ? null : addressOf(id));
const hashOrNone = (hash: Hex): Hex | null => (hash === zeroHash ? null : hash);

/** A mandate with what was spent by it. */
export function mandateToJson(mandate: MandateState): OutputOf<Rpc['state_getMandate']> {
  const { allows, receivers, owner, subKey, ...rest } = mandate;
  return {
    owner: addressOf(owner),
    subKey: addressOf(subKey),
    channelMaxNait: rest.channelMaxNait.toString(),
    windowMaxNait: rest.windowMaxNait.toString(),
    windowMs: rest.windowMs,
    totalMaxNait: rest.totalMaxNait.toString(),
    receivers: receivers.map(({ receiver }) => addressOf(receiver)),
    allowsChannels: (allows & mandateAllows.channels) !== 0,
    allowsTransfers: (allows & mandateAllows.transfers) !== 0,
    expiresAtHeight: rest.expiresAtHeight,
    revoked: rest.revoked,
    spentNait: rest.spentNait.toString(),
    windowStartMs: rest.windowStartMs,
    windowSpentNait: rest.windowSpentNait.toString(),
  };
}

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
