/**
 * What can go wrong with an engine behind HTTP, made to order. Each fault is one that the notes on Ollama
 * and on OpenAI servers describe; the adapters must survive all of them.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { TokensEvent } from '../engine.ts';
import { LINE_BYTES_MAX } from '../http/line-reader.ts';

/** Kinds of fault; those in the second group strike after `afterTokens` tokens. */
export type EngineFault =
  | { readonly kind: 'busy' | 'broken' | 'thinking-twice' }
  | { readonly kind: 'no-counters' | 'no-logprobs' | 'split-bytes' }
  | {
      readonly kind:
        | 'no-done'
        | 'repetition'
        | 'error-line'
        | 'stall'
        | 'close'
        | 'not-json'
        | 'long-line';
      readonly afterTokens: number;
    };

export type FaultKind = EngineFault['kind'];

/** The open answer, as a fault may treat it. */
export interface FaultyStream {
  /** Sends a message in the form of the API that is spoken. */
  event(event: TokensEvent): Promise<void>;
  error(text: string): Promise<void>;
  raw(text: string): Promise<void>;
  destroy(): void;
  /** Resolves when the client has gone. */
  readonly gone: Promise<void>;
}

/** Ollama's guard strikes when the same text came more than 30 times. */
const REPETITIONS = 31;

/** What each fault does when it strikes; the answer ends after it. */
const strikes: Partial<Record<FaultKind, (stream: FaultyStream) => Promise<void>>> = {
  'no-done': async () => undefined,
  async repetition(stream) {
    for (let index = 0; index < REPETITIONS; index += 1) {
      await stream.event({ type: 'tokens', text: ' again', tokens: 1 });
    }
  },
  'error-line': (stream) => stream.error('llama runner process no longer running: 2'),
  stall: (stream) => stream.gone,
  async close(stream) {
    await nextTurn(); // what was sent before has left by then
    stream.destroy();
  },
  'not-json': (stream) => stream.raw('data: {"message":\n\n'),
  'long-line': (stream) => stream.raw('x'.repeat(LINE_BYTES_MAX + 1)),
};

/** The strike that is due after `sentTokens`, if any. */
export function dueStrike(fault: EngineFault | undefined, sentTokens: number) {
  if (!fault || !('afterTokens' in fault) || sentTokens < fault.afterTokens) return undefined;
  return strikes[fault.kind];
}

/** The parts in which a text is sent: whole, or byte by byte, so that characters are split. */
export async function* bytesToSend(text: string, fault: EngineFault | undefined) {
  const bytes = Buffer.from(text);
  if (fault?.kind !== 'split-bytes') {
    yield bytes;
    return;
  }
  for (const byte of bytes) {
    yield Uint8Array.of(byte);
    await nextTurn();
  }
}
