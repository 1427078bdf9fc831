/**
 * A streamed answer as its chunks come: cut up by a reader at once, and handed on in what one turn of the consumer finds.
 *
 * undici gives chunks to a handler. Its own body stream on top of that, with an async iterator, costs each chunk
 * about as much as everything else that is done with it, and ends in an error with a stack trace whenever a consumer stops at
 * the last word instead of the last byte.
 *
 * Bounded: with more than `unreadBytesMax` waiting the socket is not read, and the engine is held back.
 */
import type { Agent, Dispatcher } from 'undici';
import type { ChunkReader } from './line-reader.ts';

const errorBytesMax = 4_096;

/** A call that is streamed. */
export interface PushedCall {
  readonly agent: Agent;
  readonly options: Dispatcher.DispatchOptions;
  readonly reader: ChunkReader;
  readonly signal: AbortSignal;
  readonly unreadBytesMax: number;
  /** Error of an answer with another status than 200; `detail` is the beginning of its body. */
  readonly errorOf: (status: number, detail: string) => Error;
}

/** What the chunks gave, in order. */
export interface PushedTexts {
  /** What came since the last call, at least one; undefined at the end. Rejects with what broke the stream. */
  next(): Promise<readonly string[] | undefined>;
  /** The consumer stops: cuts a stream that has not said its last word. */
  leave(): void;
  /** True when the answer has begun well. */
  hasBegun(): boolean;
}

interface State {
  controller: Dispatcher.DispatchController | undefined;
  status: number;
  texts: string[];
  unreadBytes: number;
  detail: string;
  isEnded: boolean;
  failure: { readonly error: unknown } | undefined;
  wake: () => void;
}

/** Sends the call. */
export function pushedTexts(call: PushedCall): PushedTexts {
  const { agent, options, reader, signal } = call;
  const state: State = {
    controller: undefined,
    status: 0,
    texts: [],
    unreadBytes: 0,
    detail: '',
    isEnded: false,
    failure: undefined,
    wake: () => {},
  };
  const onAbort = (): void => cut(state, signal.reason);
  signal.addEventListener('abort', onAbort, { once: true });
  agent.dispatch(options, handlerOf(state, call));
  return {
    async next() {
      while (state.texts.length === 0 && !state.isEnded && !state.failure) {
        await new Promise<void>((resolve) => {
          state.wake = resolve;
        });
      }
      if (state.failure) throw state.failure.error;
      return state.texts.length > 0 ? take(state) : undefined;
    },
    leave() {
      signal.removeEventListener('abort', onAbort);
      if (state.isEnded || state.failure) return;
      if (reader.isOver?.()) state.controller?.resume();
      else cut(state, new Error('nobody reads on'));
    },
    hasBegun: () => state.status === 200,
  };
}

function handlerOf(state: State, call: PushedCall): Dispatcher.DispatchHandler {
  const { reader, signal, unreadBytesMax, errorOf } = call;
  const fail = (error: unknown): void => {
    state.failure ??= { error };
    state.wake();
  };
  return {
    onRequestStart(controller) {
      state.controller = controller;
      if (signal.aborted) cut(state, signal.reason);
    },
    onResponseStart(_controller, status) {
      state.status = status;
    },
    onResponseData(controller, chunk) {
      if (state.status !== 200) {
        if (state.detail.length < errorBytesMax) state.detail += chunk.toString('utf8');
        return;
      }
      if (reader.isOver?.()) return;
      if (!attempt(() => state.texts.push(...reader.feed(chunk)), fail))
        return cut(state, undefined);
      if (state.texts.length === 0) return; // part of a line, which the reader bounds
      state.unreadBytes += chunk.length;
      if (state.unreadBytes > unreadBytesMax) controller.pause();
      state.wake();
    },
    onResponseEnd() {
      if (state.status !== 200) return fail(errorOf(state.status, state.detail));
      attempt(() => state.texts.push(...reader.end()), fail);
      state.isEnded = true;
      state.wake();
    },
    onResponseError: (_controller, error) => fail(error),
  };
}

function take(state: State): readonly string[] {
  const { texts } = state;
  state.texts = [];
  state.unreadBytes = 0;
  if (state.controller?.paused) state.controller.resume();
  return texts;
}

function cut(state: State, reason: unknown): void {
  if (state.isEnded) return;
  const error = reason instanceof Error ? reason : new Error('it was called off');
  state.failure ??= { error: reason };
  state.controller?.abort(error);
  state.wake();
}

function attempt(work: () => void, onError: (error: unknown) => void): boolean {
  try {
    work();
    return true;
  } catch (error) {
    onError(error);
    return false;
  }
}
