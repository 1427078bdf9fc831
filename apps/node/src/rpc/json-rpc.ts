/**
 * JSON-RPC 2.0: one request or a batch in, answers out. The method table gives each input its schema.
 *
 * An answer carries the row of the error table: `code` is its JSON-RPC number, `data` has our code and
 * facts. The four faults of the protocol itself keep their standard numbers. A request without an id is
 * a notification: it runs and is not answered. The requests of a batch start in order and run side by
 * side; the answers keep the order. Input and output are plain values, so HTTP and WebSocket share it.
 */
import {
  AppError,
  asAppError,
  errorBodyOf,
  limits,
  type OutputOf,
  type ParsedInputOf,
  type RpcMethod,
  type RpcTable,
} from '@aitbc/protocol';
import { type Log, parseInput } from '@aitbc/service';

/** One function per method of a table. */
export type RpcHandlers<T extends RpcTable, C> = {
  readonly [K in keyof T]: (
    input: ParsedInputOf<T[K]>,
    context: C,
  ) => OutputOf<T[K]> | Promise<OutputOf<T[K]>>;
};

/** An answer as it travels. */
export interface RpcAnswer {
  readonly jsonrpc: '2.0';
  readonly id: string | number | null;
  readonly result?: unknown;
  readonly error?: RpcError;
}

/** The error part of an answer. */
export interface RpcError {
  readonly code: number;
  readonly message: string;
  readonly data: { readonly code: string; readonly facts: Readonly<Record<string, unknown>> };
}

/** Standard numbers of JSON-RPC 2.0. */
export const rpcNumbers = Object.freeze({
  parseError: -32700,
  invalidRequest: -32600,
  methodNotFound: -32601,
});

/** Answers a decoded request or batch; undefined when it held notifications only. Never throws. */
export type Dispatch<C> = (
  value: unknown,
  context: C,
) => Promise<RpcAnswer | RpcAnswer[] | undefined>;

/** Options of `createDispatch`. */
export interface DispatchOptions<T extends RpcTable, C> {
  readonly table: T;
  readonly handlers: RpcHandlers<T, C>;
  readonly log: Log;
  /** Throws when the caller may not use a method; asked before its input is looked at. */
  readonly authorize?: (row: RpcMethod, context: C) => void;
  /** Checks answers against their schemas: a wrong one is INTERNAL. For tests. */
  readonly checkOutputs?: boolean;
}

/** A dispatcher of a method table. */
export function createDispatch<T extends RpcTable, C>(options: DispatchOptions<T, C>): Dispatch<C> {
  const answerOne = createAnswerer(options);
  return async (value, context) => {
    if (!Array.isArray(value)) return answerOne(value, context);
    if (value.length === 0 || value.length > limits.rpcBatch) {
      return invalidRequest(`a batch holds 1 to ${limits.rpcBatch} requests, not ${value.length}`);
    }
    const answers = await Promise.all(value.map((request) => answerOne(request, context)));
    const said = answers.filter((answer) => answer !== undefined);
    return said.length > 0 ? said : undefined;
  };
}

/** The answer to a text that is no JSON. */
export function parseErrorAnswer(reason: string): RpcAnswer {
  return { jsonrpc: '2.0', id: null, error: faultOf(rpcNumbers.parseError, reason) };
}

/** The answer to something that is no request. */
export function invalidRequest(reason: string): RpcAnswer {
  return { jsonrpc: '2.0', id: null, error: faultOf(rpcNumbers.invalidRequest, reason) };
}

/** The error part for a failure or refusal. */
export function rpcErrorOf(error: unknown): RpcError {
  const known = asAppError(error);
  const { code, message, facts } = errorBodyOf(known);
  return { code: known.row.rpcNumber, message, data: { code, facts } };
}

function faultOf(number: number, reason: string): RpcError {
  return { ...rpcErrorOf(new AppError('BAD_REQUEST', { reason })), code: number };
}

interface Request {
  readonly method: string;
  readonly params: unknown;
  /** undefined for a notification. */
  readonly id: string | number | null | undefined;
}

/** The request, or undefined when the value is none. */
function requestOf(value: unknown): Request | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const { jsonrpc, method, params = {}, id } = value as Record<string, unknown>;
  const isId = id === undefined || id === null || typeof id === 'string' || typeof id === 'number';
  if (jsonrpc !== '2.0' || typeof method !== 'string' || !isId) return undefined;
  return { method, params, id };
}

function createAnswerer<T extends RpcTable, C>(options: DispatchOptions<T, C>) {
  const { table, handlers, log, authorize, checkOutputs = false } = options;
  const run = (request: Request, context: C): unknown => {
    const { method, params } = request;
    const row = Object.hasOwn(table, method) ? table[method] : undefined;
    if (!row) throw new UnknownMethod(method);
    authorize?.(row, context);
    if (Array.isArray(params)) {
      throw new AppError('BAD_REQUEST', { reason: 'params must be an object with names' });
    }
    const handler = handlers[method] as (input: unknown, context: C) => unknown;
    const result = handler(parseInput(row.input, params), context);
    return checkOutputs ? Promise.resolve(result).then((value) => row.output.parse(value)) : result;
  };
  return async (value: unknown, context: C): Promise<RpcAnswer | undefined> => {
    const request = requestOf(value);
    if (!request) return invalidRequest('expected jsonrpc "2.0", method, params and id');
    const id = request.id ?? null;
    try {
      const result = await run(request, context);
      return request.id === undefined ? undefined : { jsonrpc: '2.0', id, result };
    } catch (error) {
      const fault = errorAnswer(error, request, log);
      return request.id === undefined ? undefined : { jsonrpc: '2.0', id, error: fault };
    }
  };
}

function errorAnswer(error: unknown, { method }: Request, log: Log): RpcError {
  const answer = rpcErrorOf(error);
  if (answer.data.code === 'INTERNAL') log.error({ err: error, method }, 'method failed');
  if (error instanceof UnknownMethod) return { ...answer, code: rpcNumbers.methodNotFound };
  return answer;
}

/** NOT_FOUND with the number that JSON-RPC has for it. */
class UnknownMethod extends AppError {
  constructor(method: string) {
    super('NOT_FOUND', { what: `method ${method.slice(0, 60)}` });
  }
}
