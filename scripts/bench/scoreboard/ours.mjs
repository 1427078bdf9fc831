/** One round of the scoreboard on Brother Chain: every figure that concerns it, on a network made for the round. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import {
  accountOfNumber,
  assertSame,
  createGenesis,
  openLanes,
  signBatches,
  signTransfers,
  startFollower,
  startNetwork,
} from '../lib/brother-chain.mjs';
import { runIdle, runLoad } from '../lib/load.mjs';
import { diskBytes, meterOf } from '../lib/machine.mjs';
import { fullPass, memoryOf, pacedPass } from '../lib/passes.mjs';
import { after, withCleanup } from '../lib/processes.mjs';
import { createRpcClient, requestText } from '../lib/rpc-client.mjs';
import { watchGrowth } from './growth.mjs';

const batchAccounts = 16;
const batchOperations = 256;
const batchesPerSecondMax = 100;
const batchWindow = 8;
const settleMs = 1_000;
const syncTimeoutMs = 180_000;
const syncPerSecondMin = 5_000; // a longer chain is given as much time as this rate needs

/** Signs everything once: the genesis stays the same in all rounds, only the folders are new. */
export function prepareOurs({ folder, plan }) {
  mkdirSync(folder, { recursive: true });
  const accounts = numbered(0, plan.accounts);
  const bulk = numbered(plan.accounts, batchAccounts);
  const all = [...accounts, ...bulk];
  const genesis = createGenesis({
    folder: join(folder, 'chain'),
    validators: plan.validators,
    accounts: all,
  });
  const { network } = genesis;
  const next = (list, at) => (nonce) =>
    list[(at + 1 + (nonce % (list.length - 1))) % list.length].id;
  const sign = (account, at) => ({
    account,
    texts: signTransfers(network, account, { count: plan.each, toOf: next(accounts, at) }),
  });
  const count = Math.ceil((plan.batchSeconds * batchesPerSecondMax) / batchAccounts);
  const signBulk = (account, at) => ({
    account,
    texts: signBatches(network, account, {
      count,
      operations: batchOperations,
      toOf: next(bulk, at),
    }),
  });
  return { genesis, signed: accounts.map(sign), batches: bulk.map(signBulk) };
}

function numbered(from, count) {
  return Array.from({ length: count }, (_, at) => accountOfNumber(from + at));
}

/** The figures of one round. `isLast` adds block sync, which is measured once. */
export function roundOfOurs({ prepared, folder, plan, isLast }) {
  return withCleanup(async (undo) => {
    mkdirSync(folder, { recursive: true });
    const { genesis, signed } = prepared;
    const { profileFolder, nodeArgs, connections } = plan;
    const started = await startNetwork({ genesis, folder, undo, profileFolder, nodeArgs });
    const pids = started.nodes.map(({ pid }) => pid);
    await after(settleMs);
    const rest = memoryOf(pids);
    const open = await openLanes(started, { signed, connections, undo });
    const idle = await runIdle({ ...open, count: plan.idleCount, pauseMs: plan.idlePauseMs });
    await runLoad({ ...open, ...plan.warmUp });
    const diskBefore = disk(started);
    const { height: heightBefore } = await statusOf(started.nodes[0].url);
    const watching = watchGrowth(started.nodes, plan.full.seconds);
    const full = await fullPass({ ...open, pids, plan: plan.full });
    const growth = await watching.stop();
    const { height } = await statusOf(started.nodes[0].url);
    const blocks = height - heightBefore;
    const diskPerTransfer = (disk(started) - diskBefore) / full.transactions / pids.length;
    const paced = await pacedPass({ ...open, pids, plan: plan.paced });
    const senders = open.lanes.flatMap((lane) => lane.senders);
    const same = await assertSame(started, senders);
    assertChecked(same.checked, senders);
    const sync =
      isLast && plan.syncTransfers > 0 ? await syncPass({ started, open, plan, undo }) : undefined;
    const hasBatches = plan.batchSeconds > 0;
    const batch = hasBatches ? await batchPass({ started, prepared, plan, undo, pids }) : undefined;
    const end = memoryOf(pids);
    const perBlock = full.transactions / blocks;
    return { idle, full, paced, batch, sync, same, diskPerTransfer, perBlock, growth, rest, end };
  });
}

const disk = ({ dataDirs }) => dataDirs.reduce((sum, folder) => sum + diskBytes(folder), 0);

function assertChecked(checked, senders) {
  const sent = senders.reduce((sum, { sent: count }) => sum + count, 0);
  const lazy = checked.find((count) => count !== undefined && count < sent);
  if (lazy !== undefined) throw new Error(`a node checked ${lazy} signatures of ${sent} transfers`);
}

async function batchPass({ started, prepared, plan, undo, pids }) {
  const open = await openLanes(started, {
    signed: prepared.batches,
    connections: batchAccounts,
    undo,
  });
  const shape = {
    seconds: plan.batchSeconds,
    batch: 4,
    window: batchWindow,
    operations: batchOperations,
  };
  const run = await fullPass({ ...open, pids, plan: shape });
  await assertSame(
    started,
    open.lanes.flatMap((lane) => lane.senders),
  );
  return run;
}

/** A fresh node without a vote takes the whole chain; begins when it is ready, ends when it has the head. */
async function syncPass({ started, open, plan, undo }) {
  const senders = open.lanes.flatMap((lane) => lane.senders);
  const sent = () => senders.reduce((sum, sender) => sum + sender.sent, 0);
  const missing = plan.syncTransfers - sent();
  if (missing > 0) {
    const { batch, window } = plan.full;
    await fullPass({ ...open, pids: [], plan: { seconds: 120, batch, window, atMost: missing } });
  }
  const head = await statusOf(started.nodes[0].url);
  const follower = await startFollower(started, { undo });
  const meter = meterOf([follower.pid]);
  const timeoutMs = Math.max(syncTimeoutMs, (sent() / syncPerSecondMin) * 1_000);
  const begunMs = performance.now();
  while ((await statusOf(follower.url)).height < head.height) {
    if (performance.now() - begunMs > timeoutMs) throw new Error('the follower did not catch up');
    await after(20);
  }
  const seconds = (performance.now() - begunMs) / 1_000;
  const { serverUs } = meter.stop();
  const same = await assertSame({ nodes: [started.nodes[0], follower] }, senders);
  const transfers = sent();
  const told = { transfers, blocks: head.height, seconds, stateRoot: same.stateRoot };
  if (!(await hasBlock(follower.url, 1))) return { ...told, isBySnapshot: true };
  return { ...told, perSecond: transfers / seconds, cpuUs: serverUs / transfers };
}

/** A chain that is long enough for snapshots is joined by one: that is no figure of block sync. */
async function hasBlock(url, height) {
  const client = createRpcClient({ url, connections: 1 });
  try {
    const answer = await client.post(
      requestText({ method: 'chain_getHeader', params: { height } }),
    );
    if (answer.error && answer.error.data?.code !== 'NOT_FOUND')
      throw new Error(answer.error.message);
    return answer.error === undefined;
  } finally {
    client.close();
  }
}

async function statusOf(url) {
  const client = createRpcClient({ url, connections: 1 });
  try {
    return await client.call('chain_status');
  } finally {
    client.close();
  }
}
