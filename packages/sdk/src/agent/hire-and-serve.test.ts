import { createManualClock, hex, keyPairFromSeed } from '@aitbc/primitives';
import {
  AppError,
  addressOf,
  type ChainTask,
  devnetParams,
  type ListedTask,
  networkFromHash,
} from '@aitbc/protocol';
import { describe, expect, it } from 'vitest';
import { silentLog } from '../books/log.ts';
import { pause } from '../chain/pause.ts';
import { createLocalSigner } from '../chain/signer.ts';
import type { TxSender } from '../chain/tx-sender.ts';
import { until } from '../node/testing/http-server.ts';
import type { Tasks } from '../tasks/types.ts';
import { openBudget } from './budget.ts';
import { hire } from './hire.ts';
import { serve } from './serve.ts';
import { createMemoryAgentStore } from './store.ts';

const network = networkFromHash('test', 'ab'.repeat(32));
const keys = keyPairFromSeed(new Uint8Array(32).fill(1));
const me = addressOf(hex(keys.publicKey));
const [poster, arbiter] = [addressOf('22'.repeat(32)), addressOf('33'.repeat(32))];
const taskId = '0a'.repeat(32);
const ait = 1_000_000_000n;

const open: ChainTask = {
  ...{ taskId, poster, worker: null, arbiter: null, reward: '1000', deadlineMs: 9, reviewMs: 9 },
  ...{ specHash: taskId, state: 'open', dueMs: 9_999, resultHash: null, reasonHash: null },
  workerShareNait: '0',
};

/** One task on a chain in memory; what is not needed throws. */
function createFakeTasks(task: ChainTask, skill: string | null = 'paint') {
  const steps: string[] = [];
  let now = task;
  const step = (name: string, changes: Partial<ChainTask>) => async () => {
    steps.push(name);
    now = { ...now, ...changes };
    return { taskId, txId: taskId };
  };
  const listed = (): ListedTask => ({ ...now, title: 't', skill, postedAtMs: 1, changedAtMs: 1 });
  const tasks = {
    post: step('post', { poster: me, state: 'open' }),
    accept: step('accept', { worker: me, state: 'accepted' }),
    submit: step('submit', { state: 'submitted' }),
    approve: step('approve', { state: 'ended', workerShareNait: task.reward }),
    dispute: step('dispute', { state: 'disputed' }),
    expire: step('expire', { state: 'ended' }),
    onChain: async () => now,
    list: async ({ state, worker }: { state?: string; worker?: string }) =>
      now.state === state && (worker === undefined || worker === now.worker) ? [listed()] : [],
    spec: async () => ({ title: 't', text: 'a house', skill: skill ?? '' }),
    result: async () => ({ kind: 'open' as const, text: 'a picture' }),
    /** No news: the signal ends the wait. */
    watch: (_query: unknown, signal: AbortSignal) => ({
      [Symbol.asyncIterator]: () => ({ next: () => pause(60_000, signal) }),
    }),
    async waitFor(_id: string, isReached: (task: ChainTask) => boolean) {
      if (!isReached(now)) throw new Error('it would wait for ever');
      return now;
    },
  };
  const change = (changes: Partial<ChainTask>) => {
    now = { ...now, ...changes };
  };
  return { tasks: tasks as unknown as Tasks, steps, change };
}

async function hireDeps(fake: ReturnType<typeof createFakeTasks>, balance = 10n * ait) {
  const sent: { kind: string; amount: bigint | undefined }[] = [];
  const sender: TxSender = {
    signer: createLocalSigner(network, keys.secretKey),
    async send(kind, body) {
      sent.push({ kind, amount: (body as { amount?: bigint }).amount });
      return { status: 'final' } as never;
    },
  };
  const state_getAccount = async () => ({ balance: balance.toString() });
  const node = {
    rpc: { state_getAccount },
    network: async () => ({ network, params: devnetParams }),
  };
  const budget = await openBudget(createMemoryAgentStore(), ait);
  const clock = createManualClock(1_000);
  const deps = { node: node as never, sender, tasks: fake.tasks, budget, clock, owner: undefined };
  return { deps, sent, budget, clock };
}

const spec = { title: 't', text: 'a house' };

describe('hiring', () => {
  it('approves a result that its judge likes', async () => {
    const fake = createFakeTasks({ ...open, worker: poster });
    const { deps } = await hireDeps(fake);
    const posted = fake.tasks.post;
    Object.assign(fake.tasks, {
      async post(...words: Parameters<Tasks['post']>) {
        const done = await posted(...words);
        fake.change({ state: 'submitted' });
        return done;
      },
    });
    const done = await hire(deps, { spec, rewardNait: 1_000n, judge: () => true });
    expect(done).toMatchObject({ outcome: 'approved', text: 'a picture', paidNait: 1_000n });
    expect(fake.steps).toEqual(['post', 'approve']);
  });

  it('disputes one that it does not like, where somebody can decide', async () => {
    const fake = createFakeTasks({ ...open, arbiter, worker: poster });
    const { deps } = await hireDeps(fake);
    const posted = fake.tasks.post;
    Object.assign(fake.tasks, {
      async post(...words: Parameters<Tasks['post']>) {
        const done = await posted(...words);
        fake.change({ state: 'submitted' });
        return done;
      },
    });
    const wish = { spec, rewardNait: 1_000n, arbiter, judge: () => 'it is another house' };
    expect(await hire(deps, wish)).toMatchObject({ outcome: 'disputed', paidNait: 0n });
    expect(fake.steps).toEqual(['post', 'dispute']);
  });

  it('takes its reward back when nobody delivered in time', async () => {
    const fake = createFakeTasks({ ...open, dueMs: 500 });
    const { deps, budget } = await hireDeps(fake);
    await (await budget.hold('the post', 5_000n)).settle(5_000n);
    const done = await hire(deps, { spec, rewardNait: 1_000n });
    expect(done).toMatchObject({ outcome: 'expired', paidNait: 0n, text: undefined });
    expect([fake.steps, budget.spentNait]).toEqual([['post', 'expire'], 4_000n]);
  });

  it('moves out of the owner’s vault what its account lacks, and nothing beyond the budget', async () => {
    const fake = createFakeTasks({ ...open, dueMs: 500 });
    const { deps, sent } = await hireDeps(fake, 5_000n);
    await hire({ ...deps, owner: poster }, { spec, rewardNait: 1_000_000n });
    expect(sent).toEqual([{ kind: 'mandate_transfer', amount: expect.any(BigInt) }]);
    expect(sent[0]?.amount).toBeGreaterThan(1_000_000n);
    const dear = hire({ ...deps, owner: poster }, { spec, rewardNait: ait });
    await expect(dear).rejects.toMatchObject({ code: 'BUDGET_EXCEEDED' });
    expect(sent).toHaveLength(1);
  });
});

describe('serving', () => {
  const start = (fake: ReturnType<typeof createFakeTasks>, options = {}, fails = false) => {
    const errors: unknown[] = [];
    const handler = () => {
      if (fails) throw new AppError('BAD_REQUEST', { reason: 'a test' });
      return 'a picture';
    };
    const deps = { tasks: fake.tasks, address: me, log: silentLog };
    const onError = (_id: string, error: unknown) => void errors.push(error);
    const service = serve(deps, { skill: 'Paint', handler, options: { ...options, onError } });
    return { service, errors };
  };

  it('accepts a task for it, does it and submits; one that was accepted before is done again', async () => {
    for (const state of ['open', 'accepted'] as const) {
      const fake = createFakeTasks({ ...open, worker: me, state });
      const { service } = start(fake);
      await until(() => service.submitted === 1);
      await service.stop();
      expect(fake.steps).toEqual(state === 'open' ? ['accept', 'submit'] : ['submit']);
    }
  });

  it('takes tasks for anyone only when it is told to, and none that pays too little or needs another skill', async () => {
    const forAll = createFakeTasks(open);
    const eager = start(forAll, { takesOpen: true });
    await until(() => eager.service.submitted === 1);
    await eager.service.stop();
    const others = [
      start(createFakeTasks(open)),
      start(createFakeTasks({ ...open, worker: me }), { minRewardNait: 1_001n }),
      start(createFakeTasks({ ...open, worker: me }, 'sing')),
      start(createFakeTasks({ ...open, poster: me }), { takesOpen: true }),
    ];
    await new Promise((resolve) => setImmediate(resolve));
    await Promise.all(others.map(({ service }) => service.stop()));
    expect(others.map(({ service }) => service.submitted)).toEqual([0, 0, 0, 0]);
  });

  it('leaves a task whose handler fails to its deadline', async () => {
    const fake = createFakeTasks({ ...open, worker: me });
    const { service, errors } = start(fake, {}, true);
    await until(() => errors.length === 1);
    await service.stop();
    expect([fake.steps, service.submitted]).toEqual([['accept'], 0]);
  });

  it('does nothing with a signal that is aborted already', async () => {
    const fake = createFakeTasks({ ...open, worker: me });
    const { service } = start(fake, { signal: AbortSignal.abort() });
    await service.stop();
    expect(fake.steps).toEqual([]);
  });
});
