/** JSON-RPC as a stranger speaks it: one POST, one answer; a refusal is a `RpcRefusal` with its code. */
import { setTimeout as sleep } from 'node:timers/promises';

/** The node answered with an error. */
export class RpcRefusal extends Error {
  readonly code: string;

  constructor(method: string, code: string, message: string) {
    super(`${method}: ${code} ${message}`);
    this.code = code;
  }
}

/** Where a node's stored chain ends. */
export interface Head {
  readonly height: number;
  readonly blockHash: string;
  readonly stateRoot: string;
}

const callTimeoutMs = 8_000;

// biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every method
type Answer = any;

/** Calls a method. Throws RpcRefusal; a node that does not answer is a TypeError or a TimeoutError. */
export async function call(url: string, method: string, params: unknown = {}): Promise<Answer> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }),
    signal: AbortSignal.timeout(callTimeoutMs),
  });
  const { result, error } = (await response.json()) as Answer;
  if (error) throw new RpcRefusal(method, error.data.code, error.message);
  return result;
}

/** Several calls of one method in one request; the results in their order. */
export async function callAll(
  url: string,
  method: string,
  list: readonly unknown[],
): Promise<Answer[]> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(list.map((params, id) => ({ jsonrpc: '2.0', id, method, params }))),
    signal: AbortSignal.timeout(callTimeoutMs),
  });
  const answers = (await response.json()) as Answer[];
  const byId = new Map(answers.map((answer) => [answer.id, answer]));
  return list.map((_, id) => byId.get(id)?.result);
}

/** The head of a node, undefined while it does not answer. */
export async function headOf(url: string): Promise<Head | undefined> {
  try {
    return await call(url, 'chain_status');
  } catch (error) {
    if (error instanceof RpcRefusal) throw error;
    return undefined;
  }
}

/** Polls until the condition gives a value; fails with `what` after the deadline. */
export async function until<T>(
  what: string,
  condition: () => Promise<T | undefined | false>,
  timeoutMs = 30_000,
): Promise<T> {
  const endMs = performance.now() + timeoutMs;
  for (;;) {
    const value = await condition();
    if (value !== undefined && value !== false) return value;
    if (performance.now() > endMs) throw new Error(`timed out waiting until ${what}`);
    await sleep(25);
  }
}
