/**
 * Pays a running call window by window, beside its stream.
 *
 *   covered ≤ received + k, always. The next voucher leaves when no more covered tokens are left than its lead, or
 *   at once when the provider asks; it covers received + k, at most the call's maximum.
 *
 *   lead = as many tokens as came last at a time, and twice those that arrive while a voucher is on its way; at most
 *   k/2, which it is until the first voucher has been answered. So a slow stream is paid in whole windows, and a fast
 *   one, or one from far away, does not stop.
 *
 * One voucher is under way at a time. What arrives meanwhile is counted, and the voucher after it covers all
 * of that, so a fast stream needs fewer vouchers and never a queue. A voucher that was entered in the books
 * but got no answer is sent again as it is: the seller takes a repeated one without effect. One that is under way when
 * the answer has ended is left to its end: to break it off would cost its connection.
 */
import {
  AppError,
  asAppError,
  type ErrorCode,
  type Hex,
  unwrap,
  type Verdict,
} from '@aitbc/protocol';
import { pause } from '../../chain/pause.ts';

const retries = 20;
const retryMs = 100;
/** Parallel calls may use up what was just filled in, and node or wallet may be starting anew. */
const fillsMax = 5;
const fillRetryMs = 200; // doubled with every try: 6 s in all, providers wait 30
const waitCodes: readonly ErrorCode[] = ['VOUCHER_BEYOND_BALANCE', 'VOUCHER_STALE_STATE'];
const endedCodes: readonly ErrorCode[] = [
  'JOB_ENDED',
  'JOB_STATE_WRONG',
  'JOB_UNKNOWN',
  'CANCELLED',
];

/** A signed top-up. */
export interface SignedTopUp {
  readonly jobId: Hex;
  readonly channelId: Hex;
  readonly tokens: number;
  readonly maxClaimable: string;
  readonly signature: Hex;
}

/** What extending needs. */
export interface ExtenderDeps {
  /** Enters a promise and signs it, stored before it returns. Refusals: BUDGET_EXCEEDED, VOUCHER_BEYOND_BALANCE. */
  sign(tokens: number): Promise<Verdict<SignedTopUp>>;
  /** Hands a voucher to the provider. */
  send(topUp: SignedTopUp, signal: AbortSignal): Promise<unknown>;
  /** Puts money into the channel until `more` nait fit. */
  fill(more: bigint): Promise<void>;
  /** Takes over the seller's books after VOUCHER_UNDERFUNDED; throws when they are not to be believed. */
  adopt(error: AppError): Promise<void>;
  /** Called when a voucher leaves, and when the provider has answered it: from then on it is the provider's turn. */
  onExchange(): void;
  /** Called once when the call cannot be extended any more though it should be. */
  onFailure(error: AppError): void;
  readonly nowMs: () => number;
  readonly signal: AbortSignal;
  /** Address of the provider, for errors. */
  readonly endpoint: string;
}

/** Sizes of one call; positions of tokens. */
export interface ExtenderTerms {
  /** Where the call begins. */
  readonly from: number;
  readonly windowTokens: number;
  readonly firstTokens: number;
  readonly maxTokens: number;
  /** Most that a voucher up to this position can add to what is promised, nait. */
  priceOf(tokens: number): bigint;
}

/** Extends one call. */
export interface Extender {
  /** Position up to which output tokens were received. */
  received(tokens: number): void;
  /** The provider waits for the next voucher. */
  demand(): void;
  /** Position covered by signed vouchers. */
  covered(): number;
  /** True while the provider may be waiting for a voucher that has not left yet. */
  isDue(): boolean;
  stop(): void;
}

/** An extender for a call whose first voucher covers `firstTokens`. */
export function createExtender(terms: ExtenderTerms, deps: ExtenderDeps): Extender {
  const { windowTokens, maxTokens } = terms;
  const lead = createLead(windowTokens, deps.nowMs);
  const state = {
    received: terms.from,
    covered: terms.firstTokens,
    isDemanded: false,
    phase: 'idle' as 'idle' | 'signing' | 'sending',
    isStopped: false,
    refusal: undefined as AppError | undefined,
  };

  const target = (): number => Math.min(maxTokens, state.received + windowTokens);

  const extend = async (): Promise<void> => {
    for (let attempt = 1; ; attempt += 1) {
      const tokens = target();
      const signed = await deps.sign(tokens);
      if (!signed.ok) {
        if (signed.code !== 'VOUCHER_BEYOND_BALANCE' || attempt > fillsMax) {
          throw new AppError(signed.code, signed.facts);
        }
        await fillOrWait(deps, terms.priceOf(tokens), attempt);
        continue;
      }
      state.covered = tokens;
      state.isDemanded = false;
      state.phase = 'sending';
      await deliver(deps, signed.value, () => state.isStopped);
      return;
    }
  };

  const check = (): void => {
    const { phase, isStopped, isDemanded, received, covered } = state;
    if (phase !== 'idle' || isStopped || target() <= covered) return;
    if (!isDemanded && covered - received > lead.tokens(received)) return;
    state.phase = 'signing';
    lead.leaves(received);
    extend().then(
      () => {
        state.phase = 'idle';
        lead.answered();
        check();
      },
      (error: unknown) => {
        state.phase = 'idle';
        settleFailure(asAppError(error));
      },
    );
  };

  const settleFailure = (error: AppError): void => {
    if (endedCodes.includes(error.code)) state.isStopped = true;
    else if (error.code === 'BUDGET_EXCEEDED' && !state.isDemanded) state.refusal = error;
    else fail(error);
  };

  const fail = (error: AppError): void => {
    if (state.isStopped) return;
    state.isStopped = true;
    deps.onFailure(error);
  };

  return {
    received(tokens) {
      lead.comes(tokens - state.received);
      state.received = Math.max(state.received, tokens);
      if (!state.refusal || state.isDemanded) check();
    },
    demand() {
      state.isDemanded = true;
      state.refusal = undefined; // what others had promised may have come back since
      check();
    },
    covered: () => state.covered,
    isDue: () => state.phase === 'signing',
    stop() {
      state.isStopped = true;
    },
  };
}

/** How many tokens before its end a window is followed by the next; the pace is that since the last voucher left. */
function createLead(windowTokens: number, nowMs: () => number) {
  let left = { atMs: 0, received: 0 };
  let exchangeMs: number | undefined;
  let step = 1; // tokens that came last
  const sinceMs = (): number => Math.max(1, nowMs() - left.atMs);
  return {
    comes(tokens: number): void {
      if (tokens > 0) step = tokens;
    },
    tokens(received: number): number {
      if (exchangeMs === undefined) return windowTokens / 2;
      const tokensPerMs = (received - left.received) / sinceMs();
      return Math.min(windowTokens / 2, step + 2 * tokensPerMs * exchangeMs);
    },
    leaves(received: number): void {
      left = { atMs: nowMs(), received };
    },
    answered(): void {
      exchangeMs = sinceMs();
    },
  };
}

/** Fills the channel; what may go away by itself gets a second try, the provider waits meanwhile. */
async function fillOrWait(deps: ExtenderDeps, more: bigint, attempt: number): Promise<void> {
  try {
    await deps.fill(more);
  } catch (error) {
    const known = asAppError(error);
    if (!known.row.retryable || attempt > fillsMax) throw known;
    await pause(fillRetryMs * 2 ** (attempt - 1), deps.signal);
  }
}

/** Sends one voucher until the provider takes or refuses it, or the answer is over. */
async function deliver(
  deps: ExtenderDeps,
  first: SignedTopUp,
  isOver: () => boolean,
): Promise<void> {
  let topUp = first;
  let adopted = false;
  for (let attempt = 1; attempt <= retries; attempt += 1) {
    const error = await refusalOf(deps, topUp);
    if (!error || isOver()) return;
    if (error.code === 'VOUCHER_UNDERFUNDED' && !adopted) {
      adopted = true;
      await deps.adopt(error);
      topUp = unwrap(await deps.sign(topUp.tokens));
    } else if (waitCodes.includes(error.code) || error.row.retryable) {
      await pause(retryMs, deps.signal);
      if (isOver()) return;
    } else {
      throw error;
    }
  }
  const { endpoint } = deps;
  throw new AppError('TIMEOUT', { what: endpoint, timeoutMs: retries * retryMs });
}

async function refusalOf(deps: ExtenderDeps, topUp: SignedTopUp): Promise<AppError | undefined> {
  deps.onExchange();
  try {
    await deps.send(topUp, deps.signal);
    deps.onExchange();
    return undefined;
  } catch (error) {
    const known = asAppError(error);
    if (waitCodes.includes(known.code)) deps.onExchange();
    return known;
  }
}
