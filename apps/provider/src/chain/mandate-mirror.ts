/**
 * What the chain says about the mandates of keys that pay this provider, kept here so that admission asks nobody.
 *
 * A channel whose vouchers are signed by another key than the payer's may stand under a mandate. It is read once when
 * the channel is first heard of, at the latest before its first job; from then on the topic `mandates` of the node
 * brings every change with the block that makes it: a grant for a key that had none as well as a revocation.
 *
 *   UNREAD ─track, known→ READING ─answer→ KNOWN ─notification→ KNOWN
 *          READING ─notification→ KNOWN (the answer is dropped, it may be older)     any ─gap→ UNREAD
 *
 * Only KNOWN admits. Pairs are kept for as long as the process lives: each has cost somebody a channel. How old
 * the view is, is told by the mirror of the channels, which hears over the same socket.
 * See docs/spec/payments.md, "Mandates".
 */
import { checkMandate } from '@aitbc/market';
import {
  AppError,
  addressOf,
  asAppError,
  type ChannelState,
  type Hex,
  type Mandate,
  mandateFromJson,
  type Refusal,
  refuse,
  rpcTopics,
  zMandate,
} from '@aitbc/protocol';
import type { ChainClient } from './chain-client.ts';

/** Read ahead at a time; more channels than that are read when their first job comes. */
const readsAheadMax = 8;
/** Read at a time in all: each has a caller that waits and a channel that exists. */
const readsMax = 64;

export interface MandateMirrorDeps {
  readonly chain: Pick<ChainClient, 'subscribe'> & {
    readonly rpc: Pick<ChainClient['rpc'], 'state_getMandate'>;
  };
  /** Account id of this provider. */
  readonly provider: Hex;
  /** Its hot key: channels that it signs for itself stand under no mandate. */
  readonly authorizer?: Hex;
  /** Height of the newest final block that was heard of. */
  readonly height: () => number;
  /** Time since everything the chain has made final was known here, ms. */
  readonly ageMs: () => number;
  readonly onTrouble: (error: unknown, message: string) => void;
}

/** What a job wants. */
export interface ModelUse {
  readonly model: string;
  /** All that the vouchers of the job allow at this provider, nait. */
  readonly promised: bigint;
}

type Party = Pick<ChannelState, 'payer' | 'payerAuthorizer'>;

/** The mirror. */
export interface MandateMirror {
  /** Resolves when the node tells of mandates. */
  start(signal: AbortSignal): Promise<void>;
  stop(): void;
  /** Reads the mandate of a channel ahead of its first job, where there is time. */
  track(channel: Party): void;
  /** True when `refusal` can answer for this channel. */
  isKnown(channel: Party): boolean;
  /** Resolves when it can. Throws what keeps the node from answering, RATE_LIMITED when too many ask. */
  learn(channel: Party): Promise<void>;
  /**
   * Why the mandate of the channel's hot key does not allow a job or its next voucher; undefined when it does, and
   * for a key without a mandate. Refusals: MANDATE_*, VOUCHER_STALE_STATE while it is not known.
   */
  refusal(channel: Party, use: ModelUse): Refusal | undefined;
}

interface Row {
  readonly owner: string;
  readonly subKey: string;
  /** Null for a key that has none; undefined until it was read. */
  mandate: Mandate | null | undefined;
  reading: Promise<void> | undefined;
}

export function createMandateMirror(deps: MandateMirrorDeps): MandateMirror {
  /** By owner and key, both hex. */
  const rows = new Map<string, Row>();
  let running = 0;
  const ending = new AbortController();

  const rowOf = ({ payer, payerAuthorizer }: Party): Row | undefined => {
    if (payer === payerAuthorizer || payerAuthorizer === deps.authorizer) return undefined;
    const pair = payer + payerAuthorizer;
    const known = rows.get(pair);
    if (known) return known;
    const parties = { owner: addressOf(payer), subKey: addressOf(payerAuthorizer) };
    const row = { ...parties, mandate: undefined, reading: undefined };
    rows.set(pair, row);
    return row;
  };
  const read = (row: Row): Promise<void> => {
    if (row.reading) return row.reading;
    running += 1;
    const reading = readMandate(deps, row, ending.signal)
      .then((mandate) => {
        if (row.reading === reading) row.mandate = mandate;
      })
      .finally(() => {
        running -= 1;
        if (row.reading === reading) row.reading = undefined;
      });
    row.reading = reading;
    return reading;
  };
  const readAhead = (row: Row): void => {
    if (row.mandate !== undefined || running >= readsAheadMax) return;
    read(row).catch((error: unknown) => {
      if (!ending.signal.aborted) deps.onTrouble(error, 'a mandate cannot be read');
    });
  };
  const hear = (mandate: Mandate): void => {
    const row = rows.get(mandate.owner + mandate.subKey);
    if (!row) return;
    row.reading = undefined;
    row.mandate = mandate;
  };
  const forget = (): void => {
    for (const row of rows.values()) {
      row.reading = undefined;
      row.mandate = undefined;
      readAhead(row);
    }
  };
  return {
    start: (signal) => subscribeLive({ deps, ending: ending.signal, signal, hear, forget }),
    stop: () => ending.abort(new AppError('CANCELLED')),
    track(channel) {
      const row = rowOf(channel);
      if (row) readAhead(row);
    },
    isKnown(channel) {
      const row = rowOf(channel);
      return row === undefined || row.mandate !== undefined;
    },
    async learn(channel) {
      const row = rowOf(channel);
      if (!row || row.mandate !== undefined) return;
      if (!row.reading && running >= readsMax) {
        throw new AppError('RATE_LIMITED', { retryAfterSeconds: 1 });
      }
      await read(row);
    },
    refusal(channel, use) {
      const row = rowOf(channel);
      if (!row || row.mandate === null) return undefined;
      if (row.mandate === undefined) return refuse('VOUCHER_STALE_STATE', { ageMs: deps.ageMs() });
      const { height, provider } = deps;
      return checkMandate(row.mandate, { ...use, height: height(), provider });
    },
  };
}

async function readMandate(
  { chain }: MandateMirrorDeps,
  { owner, subKey }: Row,
  signal: AbortSignal,
): Promise<Mandate | null> {
  try {
    return mandateFromJson(await chain.rpc.state_getMandate({ owner, subKey }, { signal }));
  } catch (error) {
    if (asAppError(error).code === 'MANDATE_UNKNOWN') return null;
    throw error;
  }
}

interface SubscribeParts {
  readonly deps: MandateMirrorDeps;
  readonly ending: AbortSignal;
  readonly signal: AbortSignal;
  readonly hear: (mandate: Mandate) => void;
  readonly forget: () => void;
}

async function subscribeLive({
  deps,
  ending,
  signal,
  hear,
  forget,
}: SubscribeParts): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const onAbort = () => reject(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
    deps.chain.subscribe(
      rpcTopics.mandates,
      ({ data }) => {
        const parsed = zMandate.safeParse(data);
        if (parsed.success) hear(mandateFromJson(parsed.data));
        else deps.onTrouble(parsed.error, 'the node sent a mandate that is none');
      },
      {
        signal: ending,
        onRefused: reject,
        onGap: forget,
        onLive() {
          signal.removeEventListener('abort', onAbort);
          resolve();
        },
      },
    );
  });
}
