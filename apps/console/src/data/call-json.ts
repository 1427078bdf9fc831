/** Calls that give JSON, with one kind of error for all that may go wrong. */

/** Why a call gave nothing. `code` is one of docs/errors.md, or says that nobody answered. */
export class CallError extends Error {
  readonly code: string;
  readonly status: number;

  constructor(code: string, message: string, status = 0) {
    super(message);
    this.code = code;
    this.status = status;
  }
}

/** Nobody answered: the network, the server or its policy. */
export const offlineCode = 'OFFLINE';

/** What a call may say beside its address. */
export interface CallOptions {
  readonly body?: unknown;
  readonly token?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Calls an address. Throws CallError, or what the signal aborts with. */
export async function callJson<T>(url: string, options: CallOptions = {}): Promise<T> {
  const answer = await fetchAnswer(url, options);
  const text = await answer.text();
  const value = parsed(text);
  if (answer.ok && value !== undefined) return value as T;
  throw errorOf(value, answer.status);
}

/** The same for an answer whose body is read by the caller. */
export async function fetchAnswer(url: string, options: CallOptions): Promise<Response> {
  const { body, token, signal } = options;
  try {
    return await fetch(url, {
      method: body === undefined ? 'GET' : 'POST',
      headers: {
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...(token !== undefined && { authorization: `Bearer ${token}` }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
      ...(signal !== undefined && { signal }),
    });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new CallError(offlineCode, `${new URL(url, location.href).host} does not answer.`);
  }
}

/** The error of an answer in any of our forms: problem JSON, JSON-RPC, or a dialect's. */
export function errorOf(value: unknown, status: number): CallError {
  const body = (value ?? {}) as Record<string, unknown>;
  const inner = (typeof body.error === 'object' ? body.error : body) as Record<string, unknown>;
  const data = (inner?.data ?? {}) as Record<string, unknown>;
  const code = String(
    data.code ?? body.code ?? inner?.code ?? (status === 404 ? 'NOT_FOUND' : 'FAILED'),
  );
  const message = String(body.detail ?? inner?.message ?? `The answer was ${status}.`);
  return new CallError(code, message, status);
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
