/**
 * What the clients need of a platform: one HTTP exchange with a streamed answer, and one WebSocket.
 * Node and browsers implement it apart (`#platform`); tests hand in their own. All errors that leave a
 * transport are AppErrors: UNAVAILABLE, TIMEOUT or CANCELLED.
 */
import { AppError, asAppError, isErrorCode } from '@aitbc/protocol';

/** One HTTP request. */
export interface HttpRequest {
  readonly method: 'GET' | 'POST' | 'DELETE';
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
  readonly signal?: AbortSignal | undefined;
  /** Longest wait for the head of the answer, and longest silence inside it, ms. */
  readonly timeoutMs: number;
}

/** An answer whose body may still be under way. */
export interface HttpAnswer {
  readonly status: number;
  /** Value of a header by its lower-case name. */
  header(name: string): string | undefined;
  /** Read once; leaving the loop early ends the exchange. */
  readonly body: AsyncIterable<Uint8Array>;
}

/** Makes HTTP exchanges. */
export interface Transport {
  request(request: HttpRequest): Promise<HttpAnswer>;
  /** Ends idle and running connections. */
  close(): Promise<void>;
}

/** Options of a transport. */
export interface TransportOptions {
  /** False refuses names that resolve to private addresses, where the platform lets us. Default true. */
  readonly allowPrivate?: boolean;
}

/** What a socket tells its owner; after `onClose` nothing comes. */
export interface SocketEvents {
  onOpen(): void;
  onMessage(text: string): void;
  /** A binary frame; without this it is passed over. */
  onBytes?(bytes: Uint8Array): void;
  onClose(reason: string): void;
}

/** An outgoing WebSocket: text as text frames, bytes as binary ones. */
export interface Socket {
  send(message: string | Uint8Array): void;
  close(): void;
}

/** Opens a WebSocket; failures to connect arrive as `onClose`. */
export type OpenSocket = (url: string, events: SocketEvents) => Socket;

/** The part of a platform that `#platform` provides. */
export interface Platform {
  createTransport(options?: TransportOptions): Transport;
  readonly openSocket: OpenSocket;
}

/** The error of an aborted signal: its own reason when that has a code, else CANCELLED. */
export function abortError(signal: AbortSignal): AppError {
  const reason: unknown = signal.reason;
  const code = (reason as { code?: unknown } | undefined)?.code;
  return isErrorCode(code) ? asAppError(reason) : new AppError('CANCELLED', {}, { cause: reason });
}

/** Runs `work` under a signal that also ends after `timeoutMs` with TIMEOUT. */
export async function withDeadline<T>(
  deadline: { what: string; timeoutMs: number; signal?: AbortSignal | undefined },
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const { what, timeoutMs, signal } = deadline;
  if (signal?.aborted) throw abortError(signal);
  const controller = new AbortController();
  const onAbort = () => controller.abort(signal?.reason);
  const timer = setTimeout(() => {
    controller.abort(new AppError('TIMEOUT', { what, timeoutMs }));
  }, timeoutMs);
  signal?.addEventListener('abort', onAbort, { once: true });
  try {
    return await work(controller.signal);
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', onAbort);
  }
}

/** Whole text of an answer. Throws UNAVAILABLE when it is above `limitBytes`. */
export async function readText(
  answer: HttpAnswer,
  what: string,
  limitBytes: number,
): Promise<string> {
  const decoder = new TextDecoder();
  let text = '';
  let sizeBytes = 0;
  for await (const chunk of answer.body) {
    sizeBytes += chunk.length;
    if (sizeBytes > limitBytes) {
      throw new AppError('UNAVAILABLE', {
        what,
        reason: `its answer is above ${limitBytes} bytes`,
      });
    }
    text += decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
}
