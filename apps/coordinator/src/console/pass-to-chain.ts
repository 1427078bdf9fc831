/**
 * JSON-RPC of the chain node for pages of this coordinator: only what reads. The list of methods is computed from the
 * node's own table, so a method that changes something or needs a token is closed here from the day it is written.
 */
import { AppError, nodeRpc, type RpcMethod } from '@aitbc/protocol';

/** A JSON-RPC call, checked by its endpoint. */
export interface ChainCall {
  readonly method: string;
  readonly [name: string]: unknown;
}

/** Passes one call on. Throws FORBIDDEN, UNAVAILABLE, TIMEOUT, ANSWER_INVALID. */
export type PassToChain = (
  call: ChainCall,
  signal: AbortSignal,
) => Promise<Record<string, unknown>>;

const timeoutMs = 15_000;
const answerBytesMax = 16_777_216; // a block of 2 MiB as JSON, several times over

/** Names of the methods that change nothing and need no token. */
export const readMethods: ReadonlySet<string> = new Set(
  Object.entries(nodeRpc as Readonly<Record<string, RpcMethod>>)
    .filter(([, { changes, access }]) => changes === undefined && access === undefined)
    .map(([name]) => name),
);

/** A way to the node at `nodeUrl`. */
export function createPassToChain(nodeUrl: string): PassToChain {
  return async (call, signal) => {
    if (!readMethods.has(call.method)) {
      const reason = `${call.method} is no method that only reads; send it to a node`;
      throw new AppError('FORBIDDEN', { reason });
    }
    const limit = AbortSignal.timeout(timeoutMs);
    try {
      const answer = await fetch(nodeUrl, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(call),
        signal: AbortSignal.any([signal, limit]),
      });
      return objectOf(await boundedText(answer));
    } catch (error) {
      throw failureOf(error, limit);
    }
  };
}

function failureOf(error: unknown, limit: AbortSignal): AppError {
  if (error instanceof AppError) return error;
  const what = 'the chain node';
  if (limit.aborted) return new AppError('TIMEOUT', { what, timeoutMs }, { cause: error });
  return new AppError('UNAVAILABLE', { what, reason: 'it does not answer' }, { cause: error });
}

async function boundedText(answer: Response): Promise<string> {
  const decoder = new TextDecoder();
  let text = '';
  for await (const part of answer.body ?? []) {
    text += decoder.decode(part as Uint8Array, { stream: true });
    if (text.length > answerBytesMax) throw invalid('it is too long');
  }
  return text + decoder.decode();
}

function objectOf(text: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw invalid('it is no JSON');
  }
  if (typeof value === 'object' && value !== null) return value as Record<string, unknown>;
  throw invalid('it is no object');
}

function invalid(reason: string): AppError {
  return new AppError('ANSWER_INVALID', { what: 'the answer of the chain node', reason });
}
