/** Deeds of people who let others work or spend for them: tasks, mandates, shared accounts. */
import type { TaskState } from '@aitbc/chain';
import { mandateAllows, multisigIdOf, type TxBody, zeroHash } from '@aitbc/protocol';
import { allocationOf } from './money.ts';
import {
  type Deed,
  type DeedMaker,
  personOf,
  pickEntry,
  randomAmount,
  randomHash,
  type Scene,
} from './scene.ts';

const rewardMax = 100_000;
const reviewMs = 1_000;

const post: DeedMaker = (scene) => {
  const { random, people } = scene;
  const [from, worker, arbiter] = random.shuffled(people);
  if (!from || !worker || !arbiter) return undefined;
  const terms: TxBody<'task_post'> = {
    worker: random.chance(0.5) ? worker.id : zeroHash,
    arbiter: random.chance(0.6) ? arbiter.id : zeroHash,
    reward: randomAmount(scene, rewardMax),
    deadlineMs: scene.now().timeMs + random.between(500, 10_000),
    reviewMs: reviewMs + random.below(3_000),
    specHash: zeroHash,
    salt: randomHash(scene),
  };
  return { from, kind: 'task_post', body: terms };
};

/** The next step of a task by whom it waits for, sometimes by another. Silence is what else happens. */
const workOn: DeedMaker = (scene) => {
  const { random, view } = scene;
  const found = pickEntry(scene, view.all('task'), ({ state }) => state !== 'ended');
  if (!found) return undefined;
  const [taskId, task] = found;
  if (random.chance(0.25)) {
    return { from: random.pick(scene.people), kind: 'task_expire', body: { taskId } };
  }
  return stepOf(scene, taskId, task);
};

function stepOf(scene: Scene, taskId: string, task: TaskState): Deed | undefined {
  const { random, people } = scene;
  const anybody = random.pick(people);
  const by = (id: string) => (random.chance(0.05) ? anybody : (personOf(scene, id) ?? anybody));
  if (task.state === 'open') {
    return { from: by(task.worker), kind: 'task_accept', body: { taskId } };
  }
  if (task.state === 'accepted') {
    const body = { taskId, resultHash: randomHash(scene) };
    return { from: by(task.worker), kind: 'task_submit', body };
  }
  if (task.state === 'disputed' && random.chance(0.7)) {
    const share = random.chance(0.9) ? random.unit() : 2;
    const workerShareNait = BigInt(Math.floor(Number(task.reward) * share));
    return { from: by(task.arbiter), kind: 'task_resolve', body: { taskId, workerShareNait } };
  }
  if (task.state === 'submitted' && random.chance(0.5)) {
    const body = { taskId, reasonHash: randomHash(scene) };
    return { from: by(task.poster), kind: 'task_dispute', body };
  }
  return { from: by(task.poster), kind: 'task_approve', body: { taskId } };
}

const grant: DeedMaker = (scene) => {
  const { random, people } = scene;
  const [from, sub, receiver] = random.shuffled(people);
  if (!from || !sub || !receiver) return undefined;
  const body: TxBody<'mandate_grant'> = {
    subKey: sub.id,
    channelMaxNait: randomAmount(scene, 200_000),
    windowMaxNait: randomAmount(scene, 300_000),
    windowMs: random.pick([1, 500, 5_000]),
    totalMaxNait: randomAmount(scene, 1_000_000),
    jobMaxNait: randomAmount(scene, 10_000),
    receivers: random.chance(0.3) ? [{ receiver: receiver.id }] : [],
    models: [],
    allows: random.pick([mandateAllows.channels, mandateAllows.transfers, 3]),
    expiresAtHeight: scene.now().height + random.pick([2, 20, 1_000]),
  };
  return { from, kind: 'mandate_grant', body };
};

const useMandate: DeedMaker = (scene) => {
  const { random, view } = scene;
  const found = pickEntry(scene, view.all('mandate'), () => true);
  const from = found && personOf(scene, found[1].subKey);
  if (!found || !from) return undefined;
  const { owner, subKey } = found[1];
  const ownerPerson = personOf(scene, owner);
  if (ownerPerson && random.chance(0.15)) {
    return { from: ownerPerson, kind: 'mandate_revoke', body: { subKey } };
  }
  const allocation = { ...allocationOf(scene, from), payerAuthorizer: from.id };
  if (random.chance(0.5)) return { from, kind: 'mandate_fund', body: { owner, ...allocation } };
  const { receiver: to, amount } = allocation;
  return { from, kind: 'mandate_transfer', body: { owner, to, amount } };
};

const share: DeedMaker = (scene) => {
  const { random, network } = scene;
  const members = random
    .shuffled(scene.people)
    .slice(0, random.between(2, 3))
    .map(({ id }) => ({ member: id }))
    .sort((a, b) => (a.member < b.member ? -1 : 1));
  const from = random.pick(scene.people);
  const salt = `${random.below(2)}`.repeat(64);
  const body = { threshold: random.between(1, 2), members, salt };
  const known = scene.view.get('multisig', multisigIdOf(network, from.id, body));
  return known ? undefined : { from, kind: 'multisig_create', body };
};

/** Gives a shared account money, or decides on what it does with it. */
const decideTogether: DeedMaker = (scene) => {
  const { random, view, people } = scene;
  const found = pickEntry(scene, view.all('multisig'), () => true);
  if (!found) return undefined;
  const [multisig, { members }] = found;
  const anybody = random.pick(people);
  const from = personOf(scene, random.pick(members).member) ?? anybody;
  const open = pickEntry(
    scene,
    view.all('multisigProposal'),
    (one) => one.state === 'open' && one.multisig === multisig,
  );
  if (open && random.chance(0.7)) {
    const { proposer, slot, proposalId } = open[1];
    const kind = random.chance(0.85) ? 'multisig_approve' : 'multisig_cancel';
    return { from, kind, body: { multisig, proposer, slot, proposalId } };
  }
  const amount = randomAmount(scene, rewardMax);
  if (random.chance(0.5)) {
    return { from: anybody, kind: 'transfer', body: { to: multisig, amount, memo: '' } };
  }
  const operations = [{ kind: 'transfer', body: { to: anybody.id, amount, memo: '' } } as const];
  const expiresAtMs = scene.now().timeMs + random.between(500, 20_000);
  const slot = random.below(4);
  return { from, kind: 'multisig_propose', body: { multisig, slot, expiresAtMs, operations } };
};

export const workDeeds: readonly DeedMaker[] = [
  post,
  post,
  workOn,
  workOn,
  workOn,
  workOn,
  grant,
  useMandate,
  useMandate,
  useMandate,
  share,
  decideTogether,
  decideTogether,
];
