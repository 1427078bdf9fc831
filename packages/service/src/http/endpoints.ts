/**
 * Endpoint tables become routes: parse the flat input, ask who calls, call the handler, answer.
 *
 * The input is one object: path parts, plus the query (GET, DELETE) or the JSON body (POST). Texts from
 * the path and the query become numbers and booleans where the schema wants them. A name in the path
 * wins over the same name elsewhere.
 */
import {
  AppError,
  type Endpoint,
  type EndpointTable,
  type OutputOf,
  type ParsedInputOf,
} from '@aitbc/protocol';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { Log } from '../log.ts';
import { sendJson } from './direct.ts';
import type { Http } from './http.ts';
import { fromFramework, problemAnswer } from './problem.ts';

/** What a handler gets besides its input. `caller` is what `authorize` found. */
export interface CallContext<C = undefined> {
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
  readonly log: Log;
  readonly caller: C;
  /** Exact bytes of the body; null without one. */
  readonly rawBody: Buffer | null;
  /** Aborts when the client goes away before the answer has ended. */
  readonly signal: AbortSignal;
}

/** Returned by the handler of a streaming row that has written (and ended) the answer itself. */
export const answered: unique symbol = Symbol('answered');

type Answer<E extends Endpoint> = OutputOf<E> | typeof answered;

/** One handler per row of the table. */
export type Handlers<T extends EndpointTable, C = undefined> = {
  readonly [K in keyof T]: (
    input: ParsedInputOf<T[K]>,
    context: CallContext<C>,
  ) => Promise<Answer<T[K]>> | Answer<T[K]>;
};

/** Options of `mountEndpoints`. */
export interface MountOptions<T extends EndpointTable, C = undefined> {
  readonly handlers: Handlers<T, C>;
  readonly log: Log;
  /** Says who calls; throws UNAUTHORIZED or FORBIDDEN. Called for every row, before the handler. */
  readonly authorize?: (row: Endpoint, request: FastifyRequest) => Promise<C> | C;
  /** Checks answers against their schemas: a wrong one is INTERNAL. Default: only when NODE_ENV is `test`. */
  readonly checkOutputs?: boolean;
}

/** Mounts all rows of a table. */
export function mountEndpoints<T extends EndpointTable, C = undefined>(
  app: FastifyInstance,
  table: T,
  options: MountOptions<T, C>,
): void {
  const checkOutputs = options.checkOutputs ?? process.env.NODE_ENV === 'test';
  for (const [name, row] of Object.entries(table)) {
    const handler = options.handlers[name] as AnyHandler<C>;
    const call = createCall(row, { ...options, handler, checkOutputs });
    const { method, path: url, bodyBytes } = row;
    app.route({ method, url, handler: call, ...(bodyBytes && { bodyLimit: bodyBytes }) });
  }
}

/**
 * Mounts a POST row that anybody may call, without path parts, as a direct path (direct.ts): for short calls that come
 * many times a second.
 */
export function mountDirectEndpoint<E extends Endpoint>(
  http: Pick<Http, 'direct'>,
  row: E,
  { handler, log }: DirectEndpointOptions<E>,
): void {
  const checkOutputs = process.env.NODE_ENV === 'test';
  http.direct({
    path: row.path,
    async handle(call) {
      const answer = await handler(parseInput(row.input, bodyOf(call.body)) as ParsedInputOf<E>);
      if (checkOutputs) assertOutput(row, answer);
      sendJson(call, { status: 200, text: JSON.stringify(answer) });
    },
    fail(exchange, error) {
      const { request, requestId } = exchange;
      sendJson(exchange, problemAnswer(fromFramework(error, request), { requestId, log }));
    },
  });
}

interface DirectEndpointOptions<E extends Endpoint> {
  readonly handler: (input: ParsedInputOf<E>) => Promise<OutputOf<E>> | OutputOf<E>;
  readonly log: Log;
}

type AnyHandler<C> = (input: unknown, context: CallContext<C>) => unknown;

interface CallOptions<C> {
  readonly handler: AnyHandler<C>;
  readonly log: Log;
  readonly checkOutputs: boolean;
  readonly authorize?: (row: Endpoint, request: FastifyRequest) => Promise<C> | C;
}

function createCall<C>(row: Endpoint, options: CallOptions<C>) {
  const { handler, log, authorize, checkOutputs } = options;
  const inputOf = createInputReader(row);
  return async (request: FastifyRequest, reply: FastifyReply): Promise<unknown> => {
    const caller = (await authorize?.(row, request)) as C;
    const answer = await handler(inputOf(request), createContext({ request, reply, log, caller }));
    if (answer === answered || reply.sent) return reply;
    if (checkOutputs) assertOutput(row, answer);
    return answer ?? {};
  };
}

function createContext<C>(
  parts: Pick<CallContext<C>, 'request' | 'reply' | 'log' | 'caller'>,
): CallContext<C> {
  const { request, reply } = parts;
  let controller: AbortController | undefined;
  return {
    ...parts,
    rawBody: request.rawBody,
    get signal() {
      if (!controller) {
        const created = new AbortController();
        controller = created;
        const gone = (): void => {
          if (!reply.raw.writableFinished) created.abort(new AppError('CANCELLED'));
        };
        if (reply.raw.destroyed) gone();
        else reply.raw.once('close', gone);
      }
      return controller.signal;
    },
  };
}

function assertOutput(row: Endpoint, answer: unknown): void {
  const checked = row.output.safeParse(answer);
  if (checked.success) return;
  const cause = new Error(
    `${row.method} ${row.path} answers what its schema refuses: ${z.prettifyError(checked.error)}`,
  );
  throw new AppError('INTERNAL', { reason: 'wrong answer' }, { cause });
}

/** Throws BAD_REQUEST that names the field. */
function createInputReader(row: Endpoint): (request: FastifyRequest) => unknown {
  const types = textTypesOf(row.input);
  return (request) => {
    const fromPath = coerced(request.params as Record<string, unknown>, types);
    const rest =
      row.method === 'POST'
        ? bodyOf(request.body)
        : coerced(request.query as Record<string, unknown>, types);
    return parseInput(row.input, { ...rest, ...fromPath });
  };
}

/** The value parsed by a schema. Throws BAD_REQUEST with the first three problems and their paths. */
export function parseInput<S extends z.ZodType>(schema: S, value: unknown): z.output<S> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const reasons = parsed.error.issues.slice(0, 3).map((issue) => {
    const path = issue.path.map(String).join('.');
    return path ? `${path}: ${issue.message}` : issue.message;
  });
  throw new AppError('BAD_REQUEST', { reason: reasons.join('; ').slice(0, 500) });
}

function bodyOf(body: unknown): Record<string, unknown> {
  if (body === undefined || body === null) return {};
  if (typeof body === 'object' && !Array.isArray(body)) return body as Record<string, unknown>;
  throw new AppError('BAD_REQUEST', { reason: 'the body must be a JSON object' });
}

type TextType = 'number' | 'boolean' | 'array';

/** Names of an object schema that do not travel as plain text, with their JSON type. */
function textTypesOf(schema: z.ZodType): ReadonlyMap<string, TextType> {
  const json = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' });
  const types = new Map<string, TextType>();
  for (const [name, property] of Object.entries(json.properties ?? {})) {
    if (typeof property !== 'object') continue;
    const { type } = property;
    if (type === 'integer' || type === 'number') types.set(name, 'number');
    else if (type === 'boolean' || type === 'array') types.set(name, type);
  }
  return types;
}

function coerced(
  texts: Record<string, unknown>,
  types: ReadonlyMap<string, TextType>,
): Record<string, unknown> {
  const values: Record<string, unknown> = {};
  for (const [name, text] of Object.entries(texts ?? {})) {
    values[name] = coerce(text, types.get(name));
  }
  return values;
}

function coerce(text: unknown, type: TextType | undefined): unknown {
  if (type === 'array') return Array.isArray(text) ? text : [text];
  if (typeof text !== 'string') return text;
  if (type === 'number' && /^-?\d+(\.\d+)?$/.test(text)) return Number(text);
  if (type === 'boolean' && (text === 'true' || text === 'false')) return text === 'true';
  return text;
}
