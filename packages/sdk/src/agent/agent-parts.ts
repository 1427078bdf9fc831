/** The parts of an agent, made with its first call and joined. */
import { type Clock, systemClock } from '@aitbc/primitives';
import type { Hex, Network } from '@aitbc/protocol';
import { createTransport } from '#platform';
import { type BuyerLog, silentLog } from '../books/log.ts';
import { type BuyerStore, createMemoryStore } from '../books/store.ts';
import { type Buyer, createBuyer } from '../buyer/buyer.ts';
import { createMandateFunder } from '../chain/funder.ts';
import { createNodeClient, type NodeClient } from '../chain/node-client.ts';
import { createLocalSigner } from '../chain/signer.ts';
import { createTxSender, type TxSender } from '../chain/tx-sender.ts';
import { type CoordinatorClient, createCoordinatorClient } from '../http/clients.ts';
import type { Transport } from '../http/transport.ts';
import { createTasks } from '../tasks/create-tasks.ts';
import type { Tasks } from '../tasks/types.ts';
import { type Budget, openBudget } from './budget.ts';
import { createBudgetedSender } from './budgeted-sender.ts';
import { createInference, type Inference, jobIdOfHold, jobLook } from './inference.ts';
import { type Outbox, openOutbox } from './outbox.ts';
import { createMemoryAgentStore } from './store.ts';
import type { AgentDeps, AgentOptions } from './types.ts';

/** What an agent is made of. */
export interface AgentParts {
  readonly network: Network;
  readonly node: NodeClient;
  readonly coordinator: CoordinatorClient;
  readonly transport: Transport;
  readonly clock: Clock;
  readonly log: BuyerLog;
  readonly budget: Budget;
  /** Asks the budget before it signs. */
  readonly sender: TxSender;
  /** Address of who gave the mandate. */
  readonly owner: string | undefined;
  readonly inference: Inference;
  readonly tasks: Tasks;
  readonly outbox: Outbox;
  close(): Promise<void>;
}

const defaultShare = 10n; // a tenth of the budget for one call, and for one channel

/** Sends letters that wait. One that is refused for good is dropped, and the log is all that can still say so. */
export async function flushOrTell(
  outbox: Outbox,
  log: BuyerLog,
  signal?: AbortSignal,
): Promise<void> {
  try {
    await outbox.flush(signal);
  } catch (error) {
    if (!signal?.aborted) log.warn({ err: error }, 'a letter that waited was not sent');
  }
}

/** Asks the node for its network and opens what was stored. Throws UNAVAILABLE, STORE_CORRUPT. */
export async function openAgentParts(options: AgentOptions, deps: AgentDeps): Promise<AgentParts> {
  const { keys, carrier, store = createMemoryAgentStore() } = options;
  const { clock = systemClock, log = silentLog } = deps;
  const transport = deps.transport ?? createTransport();
  const node = deps.nodeClient ?? createNodeClient({ url: options.node });
  const coordinator =
    deps.coordinatorClient ?? createCoordinatorClient({ baseUrl: options.coordinator }, transport);
  const { network } = await node.network();
  const budget = await openBudget(store, options.budget.totalNait);
  const signer = options.signer ?? createLocalSigner(network, keys.secretKey);
  const sender = createBudgetedSender(createTxSender({ node, signer }), { node, budget });
  const outbox = await openOutbox({ network, keys, store, clock, coordinator, carrier });
  const books = store.buyer ?? createMemoryStore();
  void flushOrTell(outbox, log); // what waits since an earlier run
  const buyer = createLazyBuyer(options, { node, coordinator, sender, clock, log, books });
  const callsOf = (jobId: Hex) => books.find(jobId);
  if (store.buyer) recoverJobs(budget, callsOf);
  const { callNait = options.budget.totalNait / defaultShare } = options.budget;
  const coordinatorUrl = options.coordinator;
  return {
    ...{ network, node, coordinator, transport, clock, log, budget, sender, outbox },
    owner: options.mandate?.owner,
    inference: createInference({
      ...{ budget, callNait, coordinator, network, callsOf, buyer: buyer.get },
    }),
    tasks: createTasks({ node, sender, coordinator, coordinatorUrl, transport, keys: [keys] }),
    async close() {
      await buyer.close();
      if (!deps.nodeClient) await node.close();
      if (!deps.transport) await transport.close();
    },
  };
}

/** What an earlier run held for jobs is looked up in the books, which it kept. */
function recoverJobs(
  budget: Budget,
  callsOf: (jobId: Hex) => ReturnType<BuyerStore['find']>,
): void {
  budget.recover((name) => {
    const jobId = jobIdOfHold(name);
    return jobId === undefined ? undefined : jobLook({ callsOf }, jobId);
  });
}

type BuyerBase = Pick<AgentParts, 'node' | 'coordinator' | 'sender' | 'clock' | 'log'> & {
  readonly books: BuyerStore;
};

/** A buyer that starts with its first use: it reads its store and looks for its channels on chain. */
function createLazyBuyer(options: AgentOptions, base: BuyerBase) {
  let started: Promise<Buyer> | undefined;
  return {
    get(): Promise<Buyer> {
      started ??= startBuyer(options, base);
      started.catch(() => {
        started = undefined;
      });
      return started;
    },
    async close(): Promise<void> {
      await (await started?.catch(() => undefined))?.close();
    },
  };
}

function startBuyer(
  { keys, mandate, budget, allowPrivate }: AgentOptions,
  { node, coordinator, sender, clock, log, books }: BuyerBase,
): Promise<Buyer> {
  const { totalNait, channelNait = totalNait / defaultShare } = budget;
  const nowMs = () => clock.nowMs();
  const funder = mandate && createMandateFunder({ node, sender, owner: mandate.owner, nowMs });
  return createBuyer(
    {
      ...{ jobMax: totalNait, dayMax: totalNait, channelFund: channelNait, vaultFund: channelNait },
      ...{ allowPrivate, standby: 0 },
    },
    {
      ...{ node, coordinator, sender, funder, hotKey: keys, clock, log, store: books },
    },
  );
}
