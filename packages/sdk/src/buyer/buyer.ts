/**
 * A buyer: finds an offer, pays it window by window, checks what comes, and keeps the books.
 *
 * A call is one job: its id is the hash of payer, idempotency key and body, the same at every provider and
 * on every retry, so it is charged once. Offers are tried in their rank until one gives a first token; when
 * that provider fails, another one goes on with the answer (survive/). See docs/spec/payments.md, "Buyer".
 */
import { type Clock, hex, type KeyPair, systemClock } from '@aitbc/primitives';
import { AppError, type Hex } from '@aitbc/protocol';
import { createTransport } from '#platform';
import { type Budget, createBook, settledMemoryMs } from '../books/book.ts';
import { createChannels, type Funding } from '../books/channels.ts';
import type { Commitment } from '../books/job-sums.ts';
import { type BuyerLog, silentLog } from '../books/log.ts';
import { type BuyerStore, type CallRow, type ChannelRow, callKey } from '../books/store.ts';
import { createVaultFunder, type Funder } from '../chain/funder.ts';
import type { NodeClient } from '../chain/node-client.ts';
import type { TxSender } from '../chain/tx-sender.ts';
import {
  type CoordinatorClient,
  createProviderClient,
  type ProviderClient,
} from '../http/clients.ts';
import type { Transport } from '../http/transport.ts';
import { type Candidate, createDiscovery, type Wishes } from '../offers/discover-offers.ts';
import { createReporter } from '../offers/report-jobs.ts';
import { collectVectors } from './collect-vectors.ts';
import { createVoucherSender } from './pay/send-vouchers.ts';
import { createPurchase, jobIdFor, type Wanted, wantedChat, wantedVectors } from './purchase.ts';
import { createSettler, type OnSettled } from './settle/settle-calls.ts';
import { createSharedRuns } from './shared-runs.ts';
import { createSubmitter, type SubmittedJob } from './submit-job.ts';
import { type BuyDeps, buyJob } from './survive/buy-job.ts';
import { createStandby } from './survive/keep-standby.ts';
import type { BuyCall, BuyerParts, EmbedCall, EmbedResult, PayMode, RunningJob } from './types.ts';

const clientsMax = 256;
const firstTokenGraceMsDefault = 5_000;
const stallMsDefault = 5_000;
const standbyDefault = 1;

/** How a buyer spends. */
export interface BuyerOptions extends Budget, Funding {
  /** Default `windowed`. */
  readonly mode?: PayMode | undefined;
  /** Take offers with private addresses: for a devnet. Default false. */
  readonly allowPrivate?: boolean | undefined;
  /** Patience beside the offer's bound of the first token: connection, queue, clock. Default 5 000 ms. */
  readonly firstTokenGraceMs?: number | undefined;
  /** Longest silence in mid-answer before it goes on elsewhere. Default 5 000 ms. */
  readonly stallMs?: number | undefined;
  /** Providers beside the one in use whose channels are funded ahead, for each answer. Default 1. */
  readonly standby?: number | undefined;
  /** Ask a second provider when the first token takes longer than this, ms. Default: never. */
  readonly hedgeMs?: number | undefined;
  /** Which providers are wanted, default all. */
  readonly wishes?: Wishes | undefined;
  /**
   * Addresses of providers that broke a rule and are trusted again: their channels are opened at the
   * start. Default none.
   */
  readonly forgiven?: readonly string[] | undefined;
}

/** What a buyer works with. */
export interface BuyerDeps {
  readonly node: NodeClient;
  readonly coordinator: Pick<CoordinatorClient, 'route' | 'report' | 'submitJob' | 'getJob'>;
  /** Sends the transactions that fund channels; its account is the payer, unless `funder` says otherwise. */
  readonly sender: TxSender;
  /** Who pays for the channels. Default: the sender, from its vault. */
  readonly funder?: Funder | undefined;
  /** Signs vouchers. The same key must come back after a restart. */
  readonly hotKey: KeyPair;
  readonly store: BuyerStore;
  readonly clock?: Clock | undefined;
  readonly log?: BuyerLog | undefined;
  readonly transport?: Transport | undefined;
}

/** A buyer that has been started. */
export interface Buyer {
  /** Address of the payer. */
  readonly payer: string;
  /**
   * Buys one answer; resolves with its first token. The same call while it runs reads along from its
   * beginning; afterwards it gets the answer that the provider keeps. Throws NO_OFFER, BUDGET_EXCEEDED,
   * CANCELLED, JOB_ENDED, or the last provider's refusal.
   */
  run(call: BuyCall): Promise<RunningJob>;
  /** Buys vectors of texts. Throws like `run`. */
  embed(call: EmbedCall): Promise<EmbedResult>;
  /** Pays for a whole job and hands it to the coordinator. Throws like `run`. */
  submit(call: BuyCall): Promise<SubmittedJob>;
  channels(): readonly ChannelRow[];
  /** nait charged since midnight UTC. */
  spentToday(): bigint;
  /** What a job has promised and owes; of jobs that are open or ended not long ago. */
  commitment(jobId: Hex): Commitment;
  /** Calls whose end is not known yet. */
  openCalls(): readonly CallRow[];
  /** Ends what runs in the background. */
  close(): Promise<void>;
}

/** Starts a buyer: reads its store, finds its channels on chain, and settles what was left open. */
export async function createBuyer(options: BuyerOptions, deps: BuyerDeps): Promise<Buyer> {
  const { clock = systemClock, log = silentLog, store, hotKey, node, sender } = deps;
  const { mode = 'windowed', allowPrivate = false, wishes = {}, forgiven = [] } = options;
  const transport = deps.transport ?? createTransport({ allowPrivate });
  // A stream keeps its connection to its end: the vouchers that keep it going never wait for one of those.
  const beside = deps.transport ?? createTransport({ allowPrivate });
  const closing = new AbortController();
  const nowMs = () => clock.nowMs();
  const { network } = await node.network();
  const book = createBook(await store.load(nowMs() - settledMemoryMs), options, nowMs);
  const publicKey = hex(hotKey.publicKey);
  const { vaultFund } = options;
  const funder = deps.funder ?? createVaultFunder({ node, sender, vaultFund });
  const channelDeps = {
    node,
    funder,
    book,
    store,
    hotKey: publicKey,
    funding: options,
    forgiven,
    log,
    nowMs,
  };
  const channels = createChannels(channelDeps);
  const parts: BuyerParts = { network, book, store, channels, transport, hotKey, nowMs, log };
  const clientOf = createClients(beside);
  const reporter = createReporter(deps.coordinator, log, closing.signal);
  const onSettled: OnSettled = ({ firstTokenMs, durationMs }, receipt) => {
    if (firstTokenMs !== null) reporter.add({ receipt, firstTokenMs, durationMs });
  };
  const { coordinator } = deps;
  const { signal } = closing;
  const settler = createSettler({ parts, clientOf, coordinator, onSettled, signal });
  const discovery = createDiscovery({ node, coordinator, nowMs, log, allowPrivate, wishes });
  await channels.recover();
  for (const row of book.openCalls()) await settler.resume(callKey(row));
  const buyDeps = {
    parts,
    settler,
    vouchers: createVoucherSender(clientOf),
    discovery,
    standby: createStandby(parts, options.standby ?? standbyDefault),
    firstTokenGraceMs: options.firstTokenGraceMs ?? firstTokenGraceMsDefault,
    stallMs: options.stallMs ?? stallMsDefault,
    hedgeMs: options.hedgeMs,
  };
  const join = createRunner(buyDeps, { payer: funder.payer, closing: signal });
  return {
    payer: funder.payer.address,
    run: async (call) => join(wantedChat(call, mode), call.signal),
    embed: async (call) => collectVectors(await join(wantedVectors(call), call.signal)),
    submit: createSubmitter({ parts, settler, coordinator, discovery, payer: funder.payer }),
    channels: () => book.channels(),
    spentToday: () => book.spentToday(),
    commitment: book.commitment,
    openCalls: () => book.openCalls(),
    async close() {
      closing.abort(new AppError('CANCELLED'));
      await Promise.all([transport.close(), beside.close()]);
    },
  };
}

/** Clients of providers by endpoint, over one transport. */
function createClients(transport: Transport): (endpoint: string) => ProviderClient {
  const clients = new Map<string, ProviderClient>();
  return (endpoint) => {
    const known = clients.get(endpoint);
    if (known) return known;
    const client = createProviderClient({ baseUrl: endpoint }, transport);
    if (clients.size >= clientsMax) clients.clear();
    clients.set(endpoint, client);
    return client;
  };
}

interface RunnerDeps {
  readonly payer: { readonly accountId: Hex };
  /** The buyer is being closed. */
  readonly closing: AbortSignal;
}

type Runner = (wanted: Wanted, signal: AbortSignal | undefined) => Promise<RunningJob>;

function createRunner(deps: BuyDeps, { payer, closing }: RunnerDeps): Runner {
  const runs = createSharedRuns(closing);
  return async (wanted, signal) => {
    const jobId = jobIdFor(deps.parts.network, payer.accountId, wanted);
    return runs.join(jobId, {
      signal,
      buy(sink) {
        const purchase = createPurchase(wanted, jobId, sink.signal);
        const onStart = ({ offer }: Candidate) => sink.onStart({ jobId, offer: offer.payload });
        return buyJob(deps, purchase, { sink, onStart });
      },
    });
  };
}
