import type { EngineGauges, TokensEvent } from '../engine.ts';

/** Text of one message of a stream, and its log-probability entries if it had any. */
export interface StreamedPart {
  readonly text: string;
  readonly thinking: string;
  readonly logprobCount: number | undefined;
}

/**
 * Counts the tokens of one stream. With log-probabilities there is one entry per token, and text without
 * entries is text that a parser held back: its tokens were counted before. Without them, a message with
 * text counts as one token, which is right for most engines and never too high.
 */
export function createTokenTally() {
  let total = 0;
  let exact = false;
  return {
    /** The event of this part, or undefined when there is nothing in it. */
    eventOf({ text, thinking, logprobCount }: StreamedPart): TokensEvent | undefined {
      exact ||= logprobCount !== undefined && logprobCount > 0;
      const counted = text === '' && thinking === '' ? 0 : 1;
      const tokens = exact ? (logprobCount ?? 0) : counted;
      if (tokens === 0 && counted === 0) return undefined;
      total += tokens;
      return { type: 'tokens', text, tokens, ...(thinking === '' ? {} : { thinking }) };
    },
    total: () => total,
  };
}

/** What an HTTP engine knows about its own load: only what this process asked of it. */
export function createStreamGauges(isStarted: () => boolean) {
  let running = 0;
  let calls = 0;
  let tokens = 0;
  return {
    /** A stream begins; its `end` follows. */
    begin(): void {
      calls += 1;
      running += 1;
    },
    /** Tokens came. */
    count(more: number): void {
      tokens += more;
    },
    end(): void {
      running -= 1;
    },
    /** Counts a call that is not a stream. */
    async during<T>(call: Promise<T>): Promise<T> {
      calls += 1;
      running += 1;
      try {
        return await call;
      } finally {
        running -= 1;
      }
    },
    read: (): EngineGauges => ({
      state: isStarted() ? 'ready' : 'stopped',
      running,
      slots: undefined,
      calls,
      tokens,
    }),
  };
}

export type StreamGauges = ReturnType<typeof createStreamGauges>;
