/** Senders of tests: what they send stands in the next block, and the chain of the test knows the task or the agent. */
import {
  addressOf,
  type ChainTask,
  type Fields,
  recordToJson,
  type TxBody,
  type TxKind,
  taskAfter,
  taskIdOf,
  txKinds,
  zeroHash,
} from '@aitbc/protocol';
import type { TxSender, TxStatus } from '@aitbc/sdk';
import { type Identity, network, type TestChain } from './harness.ts';

/** A sender for an account; blocks have the time of `nowMs`. */
export function createTestSender(
  chain: Pick<TestChain, 'blocks' | 'work'>,
  { address, accountId }: Identity,
  nowMs: () => number,
): TxSender {
  const signer = {
    address,
    accountId,
    signTx: () => Promise.reject(new Error('nothing is signed here')),
  };
  return {
    signer,
    async send<K extends TxKind>(kind: K, body: TxBody<K>): Promise<TxStatus> {
      const timeMs = nowMs();
      apply(chain, { kind, body, from: accountId, timeMs });
      const json = recordToJson(txKinds[kind].fields as Fields, body);
      const height = chain.blocks.add(timeMs, { kind, from: address, body: json });
      const [made] = await chain.blocks.txs(height);
      if (!made) throw new Error('the block is empty');
      return { status: 'final', tx: made.tx, receipt: made.receipt, blockHash: null };
    },
  };
}

interface Applied {
  readonly kind: TxKind;
  readonly body: unknown;
  readonly from: string;
  readonly timeMs: number;
}

function apply({ work }: Pick<TestChain, 'work'>, { kind, body, from, timeMs }: Applied): void {
  const address = addressOf(from);
  if (kind === 'agent_register') {
    work.agents.set(address, { address, ...(body as TxBody<'agent_register'>) });
  } else if (kind === 'task_post') {
    const task = postedBy(from, body as TxBody<'task_post'>);
    work.tasks.set(task.taskId, task);
  } else if (kind.startsWith('task_')) {
    const { taskId, ...facts } = body as TxBody<'task_submit'>;
    const task = work.tasks.get(taskId);
    if (!task) throw new Error('the task is unknown');
    const share = String((body as { workerShareNait?: bigint }).workerShareNait ?? 0n);
    const step = { move: kind.slice('task_'.length), from: address, timeMs, ...facts };
    work.tasks.set(taskId, taskAfter(task, { ...step, workerShareNait: share } as never));
  }
}

function postedBy(from: string, terms: TxBody<'task_post'>): ChainTask {
  const partyOf = (id: string) => (id === zeroHash ? null : addressOf(id));
  const { deadlineMs, reviewMs, specHash } = terms;
  return {
    taskId: taskIdOf(network, from, terms),
    poster: addressOf(from),
    worker: partyOf(terms.worker),
    arbiter: partyOf(terms.arbiter),
    reward: terms.reward.toString(),
    ...{ deadlineMs, reviewMs, specHash, state: 'open', dueMs: deadlineMs },
    ...{ resultHash: null, reasonHash: null, workerShareNait: '0' },
  };
}
