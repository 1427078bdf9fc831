/** Moves of random histories: batches, mandates, tasks, and the ways to send a transaction. */
import { amountMax } from '@aitbc/primitives';
import {
  type Allocation,
  expiringLane,
  type Hex,
  type Operation,
  type SignedTx,
  senderSignatureOf,
  sponsorTx,
  type UnsignedTx,
  zeroHash,
} from '@aitbc/protocol';
import { entryOfPair } from '../entries.ts';
import { nonceOf } from '../rules/lanes.ts';
import type { TaskState, TaskStateName } from '../work-entries.ts';
import type { Actor, World } from './world.ts';

/** What these moves look at. */
export interface WorkScene {
  readonly world: World;
  readonly from: Actor;
  readonly to: Actor;
  readonly other: number;
  readonly salt: number;
  readonly amount: bigint;
  readonly part: bigint;
  readonly allocation: Allocation;
}

/** How a transaction is sent. */
export const envelopes = ['plain', 'plain', 'plain', 'lane', 'expiring', 'sponsored'] as const;

/** Way to send. */
export type EnvelopeName = (typeof envelopes)[number];

/** The same transaction in another lane, or paid by another. */
export function inEnvelope(world: World, tx: SignedTx, envelope: EnvelopeName): SignedTx {
  const sender = actorById(world, tx.from);
  const { txId: _txId, bytes: _bytes, ...unsigned } = tx;
  if (envelope === 'lane') {
    const lane = 1 + (Number.parseInt(tx.txId.slice(0, 2), 16) % 2);
    const nonce = nonceOf(world.reader, world.network, { from: tx.from, lane });
    return world.sign(sender, { ...unsigned, lane, nonce } as UnsignedTx);
  }
  if (envelope === 'expiring') {
    const validUntil = world.head().header.height + 1 + (Number.parseInt(tx.txId[0] ?? '', 16) % 4);
    const nonce = Number.parseInt(tx.txId.slice(0, 2), 16);
    return world.sign(sender, { ...unsigned, lane: expiringLane, validUntil, nonce } as UnsignedTx);
  }
  if (envelope === 'sponsored') {
    const sponsored = { ...unsigned, sponsored: true } as UnsignedTx;
    const signature = senderSignatureOf(world.network, sponsored, sender.secretKey);
    const [first, second] = world.actors;
    const payer = (first?.id === tx.from ? second : first) as Actor;
    return sponsorTx(world.network, { tx: sponsored, signature }, payer.secretKey);
  }
  return tx;
}

function actorById(world: World, id: Hex): Actor {
  return world.actors.find((actor) => actor.id === id) ?? (world.actors[0] as Actor);
}

/** Somebody who is neither of both. */
function thirdOf({ world, from, to }: WorkScene): Actor {
  return world.actors.find(({ id }) => id !== from.id && id !== to.id) as Actor;
}

/** One of the tasks in these states, and the actor that plays a role in it, or now and then another. */
function pickTask(
  scene: WorkScene,
  states: readonly TaskStateName[],
  role: 'poster' | 'worker' | 'arbiter',
): { taskId: Hex; task: TaskState | undefined; by: Actor } {
  const { world, amount, from } = scene;
  const found: [Hex, TaskState][] = [];
  for (const [key, value] of world.state) {
    if (!key.startsWith('t')) continue;
    const pair = entryOfPair(key, value);
    if (pair.kind === 'task' && states.includes(pair.entry.state))
      found.push([pair.id, pair.entry]);
  }
  const [taskId, task] = found[Number(amount % BigInt(found.length || 1))] ?? [zeroHash, undefined];
  const party = task && world.actors.find(({ id }) => id === task[role]);
  return { taskId, task, by: amount % 9n === 0n ? from : (party ?? from) };
}

const modelsFor = (amount: bigint): { model: string }[] =>
  amount % 5n === 0n ? [] : [{ model: 'qwen3:8b' }, { model: amount % 11n === 0n ? '' : 'b' }];
const capped = (amount: bigint): bigint => (amount > amountMax ? amountMax : amount);
const hashOf = (amount: bigint): Hex => amount.toString(16).padStart(64, '0');

/** Makers of these kinds. */
export const workMakers = {
  batch(scene: WorkScene) {
    const { world, from, to, amount, part, salt, allocation } = scene;
    const pay: Operation = { kind: 'transfer', body: { to: to.id, amount, memo: '' } };
    const fill: Operation = { kind: 'vault_deposit', body: { amount: part, allocations: [] } };
    const fund: Operation = { kind: 'channel_fund', body: { ...allocation, amount: part } };
    return world.tx('batch', from, { operations: salt === 0 ? [pay, fill, fund] : [fill, pay] });
  },
  mandate_grant({ world, from, to, other, salt, amount, ...rest }: WorkScene) {
    const third = thirdOf({ world, from, to, other, salt, amount, ...rest });
    return world.tx('mandate_grant', from, {
      subKey: to.id,
      channelMaxNait: amount,
      windowMaxNait: capped(2n * amount),
      windowMs: 5_000,
      totalMaxNait: capped(9n * amount),
      jobMaxNait: salt === 0 ? 0n : amount,
      receivers: salt === 0 ? [] : [{ receiver: third.id }],
      models: modelsFor(amount),
      allows: other + 1,
      expiresAtHeight: amount % 7n === 0n ? 5 : 1_000,
    });
  },
  mandate_revoke: ({ world, from, to }: WorkScene) =>
    world.tx('mandate_revoke', from, { subKey: to.id }),
  mandate_fund(scene: WorkScene) {
    const { world, from, to, allocation, part } = scene;
    const terms = { ...allocation, receiver: thirdOf(scene).id, payerAuthorizer: to.id };
    return world.tx('mandate_fund', to, { owner: from.id, ...terms, amount: part });
  },
  mandate_transfer: (scene: WorkScene) =>
    scene.world.tx('mandate_transfer', scene.to, {
      owner: scene.from.id,
      to: thirdOf(scene).id,
      amount: scene.part,
    }),
  task_post(scene: WorkScene) {
    const { world, from, to, salt, other, amount } = scene;
    const waitMs = Number(amount % 97n) * 1_000;
    return world.tx('task_post', from, {
      worker: salt === 0 ? zeroHash : to.id,
      arbiter: other === 0 ? zeroHash : thirdOf(scene).id,
      reward: amount,
      deadlineMs: world.context().timeMs + waitMs,
      reviewMs: 1_000 + waitMs,
      specHash: zeroHash,
      salt: hashOf(amount),
    });
  },
  task_accept(scene: WorkScene) {
    const { taskId, task, by } = pickTask(scene, ['open'], 'worker');
    const worker = task?.worker === zeroHash ? scene.to : by;
    return scene.world.tx('task_accept', worker, { taskId });
  },
  task_submit(scene: WorkScene) {
    const { taskId, by } = pickTask(scene, ['accepted'], 'worker');
    return scene.world.tx('task_submit', by, { taskId, resultHash: hashOf(scene.amount) });
  },
  task_approve(scene: WorkScene) {
    const { taskId, by } = pickTask(scene, ['submitted', 'disputed'], 'poster');
    return scene.world.tx('task_approve', by, { taskId });
  },
  task_dispute(scene: WorkScene) {
    const { taskId, by } = pickTask(scene, ['submitted'], 'poster');
    return scene.world.tx('task_dispute', by, { taskId, reasonHash: hashOf(scene.amount) });
  },
  task_resolve(scene: WorkScene) {
    const { taskId, task, by } = pickTask(scene, ['disputed'], 'arbiter');
    const reward = task?.reward ?? 0n;
    const workerShareNait = scene.salt === 0 ? scene.amount : scene.amount % (reward + 1n);
    return scene.world.tx('task_resolve', by, { taskId, workerShareNait });
  },
  task_expire(scene: WorkScene) {
    const { taskId } = pickTask(scene, ['open', 'accepted', 'submitted', 'disputed'], 'poster');
    return scene.world.tx('task_expire', scene.to, { taskId });
  },
};
