/** Gives work to a worker of its own over the chain's escrow; some tasks are approved, some run out. */
import { hex, randomBytes } from '@aitbc/primitives';
import { amountOf, type TxBody, taskIdOf, zeroHash } from '@aitbc/protocol';
import { assertFinal, type TxSender } from '@aitbc/sdk';
import { noteTrouble, type TaskNote } from '../books/books.ts';
import type { AgentPlace } from '../contract.ts';
import { drawPauseMs } from './errands.ts';
import { newKeys } from './keys.ts';
import type { AgentParts } from './parts.ts';

const workerNait = 10_000_000n;
const rewardNait = 50_000n;
const reviewMs = 60_000;
const longMs = 600_000;
const shortMs = 4_000;
const waitMs = 15_000;
const lookMs = 1_000;
const tries = 120;

/** Gives tasks until the run is over. */
export async function giveTasks(place: AgentPlace, parts: AgentParts): Promise<undefined> {
  const draw = parts.drawFor(place.name);
  const worker = newKeys();
  while (!(await isFunded(parts, worker.address))) if (!(await parts.pause(lookMs))) return;
  const poster = parts.senderFor(place.keys, place.name);
  const hand = parts.senderFor(worker, place.name);
  while (await parts.pause(drawPauseMs(parts.plan, draw) / 2)) {
    const ending = draw.oneOf(['approved', 'approved', 'expired'] as const);
    await giveTask({ place, parts, poster, hand }, ending).catch((error: unknown) => {
      noteTrouble(parts.notes, 'posting a task', error);
    });
  }
}

async function isFunded({ town, notes }: AgentParts, address: string): Promise<boolean> {
  try {
    await town.fund(address, workerNait);
    return true;
  } catch (error) {
    noteTrouble(notes, 'coins for a worker', error);
    return false;
  }
}

interface Scene {
  readonly place: AgentPlace;
  readonly parts: AgentParts;
  readonly poster: TxSender;
  readonly hand: TxSender;
}

async function giveTask(scene: Scene, ending: 'approved' | 'expired'): Promise<void> {
  const { place, parts, poster, hand } = scene;
  const { network } = parts.facts;
  const { timeMs } = await parts.nodeFor(place.name).rpc.chain_status({});
  const body: TxBody<'task_post'> = {
    ...{ worker: hand.signer.accountId, arbiter: zeroHash, reward: rewardNait, reviewMs },
    deadlineMs: timeMs + (ending === 'approved' ? longMs : shortMs),
    ...{ specHash: hex(randomBytes(32)), salt: hex(randomBytes(32)) },
  };
  const taskId = taskIdOf(network, poster.signer.accountId, body);
  assertFinal(await poster.send('task_post', body, { waitMs }), waitMs);
  const note: TaskNote = {
    agent: place.name,
    taskId,
    ending,
    rewardNait,
    isReached: false,
    paidNait: undefined,
    reason: '',
  };
  parts.notes.tasks.push(note);
  const steps =
    ending === 'approved'
      ? [
          () => hand.send('task_accept', { taskId }, { waitMs }),
          () => hand.send('task_submit', { taskId, resultHash: hex(randomBytes(32)) }, { waitMs }),
          () => poster.send('task_approve', { taskId }, { waitMs }),
        ]
      : [() => hand.send('task_expire', { taskId }, { waitMs })];
  for (const step of steps) await persist(parts, note, step);
  const { state, workerShareNait } = await parts.nodeFor(place.name).rpc.state_getTask({ taskId });
  note.isReached = state === 'ended';
  note.paidNait = amountOf(workerShareNait);
  if (note.isReached) note.reason = undefined;
}

/** Tries a step until it is final or the chain says that it was made. */
async function persist(
  parts: AgentParts,
  note: TaskNote,
  step: () => Promise<{ status: string }>,
): Promise<void> {
  for (let at = 0; at < tries && !parts.signal.aborted; at += 1) {
    try {
      if ((await step()).status === 'final') return;
    } catch (error) {
      const { code, message } = error as { code?: string; message: string };
      note.reason = message;
      if (code === 'TASK_STATE_WRONG') return; // an earlier try came through
    }
    await new Promise((resolve) => setTimeout(resolve, lookMs));
  }
}
