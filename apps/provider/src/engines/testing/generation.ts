/** One generation of the test engine: from the parsed request to the last byte, faults included. */
import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import type { EndEvent, Engine } from '../engine.ts';
import { bytesToSend, dueStrike, type EngineFault } from './faults.ts';
import { createSlotQueue } from './slot-queue.ts';
import type { FrontRequest, WireFront } from './wire-fronts.ts';

/** A request for tokens and the place for its answer. */
export interface Exchange {
  readonly path: string;
  readonly front: WireFront;
  readonly response: ServerResponse;
  readonly asked: FrontRequest;
  readonly signal: AbortSignal;
}

export interface GenerationDeps {
  readonly engine: Engine;
  fault(): EngineFault | undefined;
  onTokensSent(tokens: number): void;
}

/** Answers with JSON. */
export function answer(response: ServerResponse, status: number, value: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify(value));
}

/** Answers an error in the shape of the API that owns the path. */
export function answerError(response: ServerResponse, path: string, failure: [number, string]) {
  const [status, text] = failure;
  answer(response, status, {
    error: path.startsWith('/v1') ? { message: text, type: 'error', code: status } : text,
  });
}

function factsOf({ request, logprobs }: FrontRequest, fault: EngineFault | undefined) {
  return {
    model: request.model,
    logprobs: logprobs && fault?.kind !== 'no-logprobs',
    counters: fault?.kind !== 'no-counters',
  };
}

/** A failure before the first byte has a status; after it, the API's own error message. */
function sendFailure({ path, front, response }: Exchange, engine: Engine, error: unknown): void {
  const code = (error as { code?: unknown }).code;
  const text = error instanceof Error ? error.message : 'failed';
  const status = { busy: 503, bad: 400, gone: 500, crash: 500 }[engine.classify(error)];
  if (response.headersSent) response.end(front.error(text));
  else answerError(response, path, [code === 'ENGINE_MODEL_UNKNOWN' ? 404 : status, text]);
}

/** Makes the function that serves one generation; it never rejects. */
export function createGenerations({ engine, fault, onTokensSent }: GenerationDeps) {
  const slots = createSlotQueue(engine.gauges().slots ?? 1);

  async function write({ response, signal }: Exchange, text: string): Promise<void> {
    for await (const bytes of bytesToSend(text, fault())) {
      signal.throwIfAborted();
      if (!response.write(bytes)) await once(response, 'drain', { signal });
    }
  }

  async function strikeNow(exchange: Exchange, sentTokens: number): Promise<boolean> {
    const strike = dueStrike(fault(), sentTokens);
    if (!strike) return false;
    const { front, response, asked, signal } = exchange;
    await strike({
      event: (extra) => write(exchange, front.event(extra, factsOf(asked, fault()))),
      error: (text) => write(exchange, front.error(text)),
      raw: (text) => write(exchange, text),
      destroy: () => response.destroy(),
      gone: new Promise((resolve) => signal.addEventListener('abort', () => resolve())),
    });
    return true;
  }

  /** Sends the stream; gives its last event, or undefined when a fault ended it. */
  async function sendEvents(exchange: Exchange, asThinking: boolean) {
    const { front, asked, signal } = exchange;
    let sent = 0;
    for await (const event of engine.generate(asked.request, { signal })) {
      if (event.type === 'end') return event;
      const shown = asThinking ? { ...event, text: '', thinking: event.text } : event;
      await write(exchange, front.event(shown, factsOf(asked, fault())));
      sent += event.tokens;
      onTokensSent(event.tokens);
      if (await strikeNow(exchange, sent)) return undefined;
    }
    return undefined;
  }

  async function sendStream(exchange: Exchange): Promise<void> {
    const { front, response, asked } = exchange;
    response.setHeader('content-type', front.contentType);
    if (fault()?.kind === 'thinking-twice') await sendEvents(exchange, true);
    const end = await sendEvents(exchange, false);
    if (end) await write(exchange, front.end(end, factsOf(asked, fault())));
    response.end();
  }

  async function sendWhole({ front, response, asked, signal }: Exchange): Promise<void> {
    let text = '';
    let end: EndEvent | undefined;
    for await (const event of engine.generate(asked.request, { signal })) {
      if (event.type === 'end') end = event;
      else text += event.text;
    }
    if (end) answer(response, 200, front.whole(text, end, factsOf(asked, fault())));
  }

  async function takeAndSend(exchange: Exchange): Promise<void> {
    const release = await slots.take(exchange.signal);
    try {
      await (exchange.asked.stream ? sendStream(exchange) : sendWhole(exchange));
    } finally {
      release();
    }
  }

  return async function serve(exchange: Exchange): Promise<void> {
    const { response, path, signal } = exchange;
    const kind = fault()?.kind;
    if (kind === 'busy') return answerError(response, path, [503, 'server busy']);
    if (kind === 'broken') return answerError(response, path, [500, 'model failed to load']);
    await takeAndSend(exchange).catch((error: unknown) => {
      if (!signal.aborted && !response.destroyed) sendFailure(exchange, engine, error);
    });
  };
}
