/** What the commands of tasks share: options, the tasks of an account, and how a step is told. */
import { AppError, type Hex } from '@aitbc/protocol';
import { createTasks, type TaskStepDone, type Tasks } from '@aitbc/sdk';
import { readAgentKey } from '../agent/agent-key.ts';
import { createWalletSender } from '../agent/wallet-sender.ts';
import type { Context } from '../context/context.ts';
import { accountOption, chooseAccount } from '../wallet/choose-account.ts';
import { exitText, movesText } from './task-text.ts';

/** Argument of commands about one task. */
export const taskArgument = { name: 'task', help: 'id of the task, 64 hex digits' } as const;

/** Options of commands that take a step. */
export const stepOptions = {
  account: accountOption,
  yes: { flags: '-y, --yes', help: 'do not ask' },
} as const;

/** An id as typed. Throws CLI_USAGE. */
export function taskIdFrom(text: string): Hex {
  if (/^[0-9a-f]{64}$/.test(text)) return text;
  const reason = `"${text.slice(0, 80)}" is no id of a task: 64 hex digits (aitbc task list).`;
  throw new AppError('CLI_USAGE', { reason });
}

/** Tasks of an account, and its address. */
export interface OwnTasks {
  readonly tasks: Tasks;
  readonly address: string;
}

/** The tasks of an account of the wallet. Throws CLI_USAGE, WALLET_ACCOUNT_UNKNOWN. */
export async function ownTasks(
  context: Context,
  { account, yes }: { readonly account: string | undefined; readonly yes: boolean },
): Promise<OwnTasks> {
  const clients = await context.clients();
  const { address } = await chooseAccount(context, clients.wallet, account);
  return { address, tasks: await tasksFor(context, address, yes) };
}

const readerAddress = 'ait1'; // who only reads sends nothing

/** Tasks that are only read: no wallet is asked. */
export async function readTasks(context: Context): Promise<Tasks> {
  return await tasksFor(context, readerAddress, false);
}

async function tasksFor(context: Context, address: string, isConfirmed: boolean): Promise<Tasks> {
  const clients = await context.clients();
  const { node, coordinator, transport } = clients;
  const keys = readAgentKey(context.home);
  const sender =
    address === readerAddress
      ? readingSender
      : createWalletSender(context, clients, { address, isConfirmed });
  const coordinatorUrl = context.urls.coordinator;
  return createTasks({
    ...{ node, sender, coordinator, coordinatorUrl, transport },
    ...(keys ? { keys: [keys] } : {}),
  });
}

const readingSender = {
  signer: {
    address: readerAddress,
    accountId: '',
    signTx: () => Promise.reject(new AppError('INTERNAL', { reason: 'nothing is sent here' })),
  },
  send: () => Promise.reject(new AppError('INTERNAL', { reason: 'nothing is sent here' })),
};

/** Chain time now, as far as the node knows. */
export async function chainNowMs(context: Context): Promise<number> {
  const { rpc } = (await context.clients()).node;
  const { timeMs, headAgeMs } = await rpc.chain_status({}, { signal: context.signal });
  return timeMs + headAgeMs;
}

/** Says what a step came to, who may act next, and the dated exit. */
export async function tellStep(
  context: Context,
  tasks: Tasks,
  {
    taskId,
    txId,
    isDocumentStored = null,
  }: Omit<TaskStepDone, 'isDocumentStored'> & {
    readonly isDocumentStored?: boolean | null | undefined;
  },
): Promise<void> {
  const { out, signal } = context;
  const task = await tasks.onChain(taskId, { signal });
  const nowMs = await chainNowMs(context);
  out.result({ taskId, txId, isDocumentStored, task }, () =>
    [
      `Task ${taskId} is ${task.state}. Transaction ${txId}`,
      ...(isDocumentStored === false
        ? ['The coordinator did not take the document. Hand it in again: aitbc task give --help']
        : []),
      ...movesText(task, nowMs),
      exitText(task, nowMs),
    ].join('\n'),
  );
}
