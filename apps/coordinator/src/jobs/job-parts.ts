/** The parts that work on jobs, made and joined. */
import type { OfferIndex } from '@aitbc/market';
import { type Clock, hex, type KeyPair, keyPairFromSeed } from '@aitbc/primitives';
import { bytes32 } from '@aitbc/protocol';
import { createTransport } from '@aitbc/sdk';
import type { Log } from '@aitbc/service';
import type { ChainLink } from '../chain/chain-link.ts';
import type { Sessions } from '../providers/sessions.ts';
import type { Store } from '../store/store.ts';
import { createDispatcher, type Dispatcher } from './dispatch-jobs.ts';
import { createJobBook, type JobBook } from './job-book.ts';
import type { JobRouteDeps } from './job-routes.ts';
import { createWebhookSender } from './send-webhooks.ts';
import { createJobWatch } from './watch-jobs.ts';

/** What the parts are made of. */
export interface JobPartsDeps {
  readonly store: Store;
  readonly chain: ChainLink;
  readonly index: OfferIndex;
  readonly clock: Clock;
  readonly log: Log;
  /** Key that notices are signed with. */
  readonly webhookKey: KeyPair;
  /** Whether notices may go to this machine and its own network. */
  readonly allowPrivate: boolean;
  sessions(): Sessions;
}

/** Everything about jobs. */
export interface JobParts {
  readonly book: JobBook;
  readonly dispatcher: Dispatcher;
  /** What the routes stand on; the sessions have to be there by then. */
  routes(sessions: Sessions): JobRouteDeps;
  /** Takes over what the last process left, and hears of the others' work. */
  load(): Promise<void>;
  /** Lets time pass: leases, deadlines, notices, dispatches. */
  round(): Promise<void>;
  /** Ends the streams. */
  closeStreams(): void;
  /** Ends the notices that are under way. */
  stop(): Promise<void>;
}

/** Parts that have not read anything yet. */
export function createJobParts(deps: JobPartsDeps): JobParts {
  const { store, chain, index, clock, log, allowPrivate } = deps;
  const { jobs, offers, batches, webhooks: rows, isAlone } = store;
  const book = createJobBook({ store, clock });
  const dispatcher = createDispatcher({ book, jobs, clock, log, sessions: deps.sessions });
  const watch = createJobWatch({ book, isAlone });
  const transport = createTransport({ allowPrivate });
  const { secretKey } = deps.webhookKey;
  const sender = { rows, book, batches, transport, allowPrivate, clock, log, secretKey };
  const webhooks = createWebhookSender(sender);
  const look = async (): Promise<void> => {
    await dispatcher.pumpAll().catch((error: unknown) => {
      log.warn({ err: error }, 'the queue was not looked through');
    });
  };
  return {
    book,
    dispatcher,
    routes: (sessions) => ({
      ...{ chain, book, index, sessions, dispatcher, clock, watch },
      ...{ jobs, offers, batches },
    }),
    async load() {
      await book.load();
      await store.onWork((providers) => {
        for (const provider of providers ?? []) dispatcher.offerWork(provider);
        if (!providers) void look();
      });
    },
    async round() {
      await book.tick();
      await dispatcher.pumpAll();
      await webhooks.round();
      watch.round();
    },
    closeStreams: watch.close,
    async stop() {
      await webhooks.stop();
      await transport.close();
    },
  };
}

/** The key of notices; all coordinators of a database have the same. */
export async function readWebhookKey(
  store: Pick<Store, 'keep'>,
  randomBytes: (sizeBytes: number) => Uint8Array,
): Promise<KeyPair> {
  return keyPairFromSeed(bytes32(await store.keep('webhookKey', () => hex(randomBytes(32)))));
}
