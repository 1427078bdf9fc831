/** A typed client from an endpoint table: one function per row, nothing written twice. */
import {
  AppError,
  type Endpoint,
  type EndpointTable,
  errorFromBody,
  type InputOf,
  isErrorCode,
  limits,
  type OutputOf,
} from '@aitbc/protocol';
import { createTransport } from '#platform';
import { readText, type Transport, withDeadline } from './transport.ts';

const answerBytesMax = 16_777_216; // a page of a hundred offers is about 100 kB; this only stops floods

/** Where a daemon answers and how to call it. */
export interface ClientOptions {
  /** Such as `http://127.0.0.1:8000`. */
  readonly baseUrl: string;
  /** Sent as `Authorization: Bearer …`. */
  readonly token?: string | undefined;
  /** Longest time of one whole call, default `limits.requestTimeoutMs`. */
  readonly timeoutMs?: number | undefined;
}

/** Options of one call. */
export interface CallOptions {
  readonly signal?: AbortSignal | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
}

/** One function per row of the table. */
export type Client<T extends EndpointTable> = {
  readonly [K in keyof T]: (input: InputOf<T[K]>, options?: CallOptions) => Promise<OutputOf<T[K]>>;
};

/**
 * Client of an endpoint table. Calls throw the AppError the daemon answered with, or UNAVAILABLE,
 * TIMEOUT, CANCELLED, and ANSWER_INVALID when the answer does not fit the row.
 */
export function createClient<T extends EndpointTable>(
  table: T,
  options: ClientOptions,
  transport: Transport = createTransport(),
): Client<T> {
  const calls = Object.entries(table).map(([name, row]) => {
    const call = (input: unknown, callOptions: CallOptions = {}) =>
      callEndpoint({ row, options, transport }, (input ?? {}) as Input, callOptions);
    return [name, call];
  });
  return Object.fromEntries(calls) as Client<T>;
}

type Input = Record<string, unknown>;

interface CallTarget {
  readonly row: Endpoint;
  readonly options: ClientOptions;
  readonly transport: Transport;
}

async function callEndpoint(
  { row, options, transport }: CallTarget,
  input: Input,
  { signal, headers = {} }: CallOptions,
): Promise<unknown> {
  const timeoutMs = options.timeoutMs ?? limits.requestTimeoutMs;
  const what = options.baseUrl;
  const { path, rest } = fillPath(row.path, input);
  const hasBody = row.method === 'POST';
  const body = hasBody ? { body: JSON.stringify(rest) } : {};
  const authorization = options.token ? { authorization: `Bearer ${options.token}` } : {};
  const url = baseOf(options.baseUrl) + path + (hasBody ? '' : queryOf(rest));
  return withDeadline({ what, timeoutMs, signal }, async (deadline) => {
    const answer = await transport.request({
      method: row.method,
      url,
      headers: {
        ...(hasBody ? jsonHeaders : { accept: 'application/json' }),
        ...authorization,
        ...headers,
      },
      ...body,
      timeoutMs,
      signal: deadline,
    });
    const text = await readText(answer, what, answerBytesMax);
    if (answer.status >= 300) throw errorOfAnswer(what, answer.status, text);
    return checkedAnswer(row, what, jsonOf(text));
  });
}

const jsonHeaders = { accept: 'application/json', 'content-type': 'application/json' };

/** A base URL without its last slash. */
export function baseOf(baseUrl: string): string {
  return baseUrl.endsWith('/') ? baseUrl.slice(0, -1) : baseUrl;
}

function fillPath(template: string, input: Input): { path: string; rest: Input } {
  const rest = { ...input };
  const path = template.replace(/:(\w+)/g, (_part, name: string) => {
    const value = rest[name];
    delete rest[name];
    if (value === undefined || value === '') {
      throw new AppError('BAD_REQUEST', { reason: `${name}: a value is needed` });
    }
    return encodeURIComponent(String(value));
  });
  return { path, rest };
}

function queryOf(input: Input): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(input)) {
    if (value === undefined || value === null) continue;
    for (const item of Array.isArray(value) ? value : [value]) query.append(name, String(item));
  }
  const text = query.toString();
  return text === '' ? '' : `?${text}`;
}

/** The error a daemon answered with; an answer that is none of ours becomes UNAVAILABLE. */
export function errorOfAnswer(what: string, status: number, text: string): AppError {
  const body = jsonOf(text) as { code?: unknown; error?: { code?: unknown } } | undefined;
  if (isErrorCode(body?.code)) return errorFromBody(body);
  if (isErrorCode(body?.error?.code)) return errorFromBody(body?.error);
  return new AppError('UNAVAILABLE', { what, reason: `it answered with HTTP status ${status}` });
}

/** JSON of a text, or undefined. */
export function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** The value of an answer that fits its schema. Throws ANSWER_INVALID. */
export function checkedAnswer(
  row: { readonly output: Endpoint['output'] },
  what: string,
  value: unknown,
): unknown {
  const parsed = row.output.safeParse(value);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  const reason = `${issue?.path.join('.') || 'answer'}: ${issue?.message ?? 'unknown'}`;
  throw new AppError('ANSWER_INVALID', { what, reason });
}
