/**
 * Endpoint tables: one row per call. The server mounts handlers from the row, the SDK makes its typed
 * client from it, OpenAPI and the CLI's help are generated from it. Nothing else spells a path.
 *
 * A call has one flat input object. Over HTTP the names that stand in the path as `:name` are taken
 * from it, the rest travel in the query (GET, DELETE) or as JSON body (POST). Over JSON-RPC the input is
 * the `params` object. The answer is one JSON value.
 */
import type { z } from 'zod';

/** Who may call. `token` needs `Authorization: Bearer …`; what it must allow is said in the summary. */
export type Access = 'open' | 'token' | 'paid';

/** One HTTP call. */
export interface Endpoint<I extends z.ZodType = z.ZodType, O extends z.ZodType = z.ZodType> {
  readonly method: 'GET' | 'POST' | 'DELETE';
  /** Path with `:name` parts. */
  readonly path: string;
  readonly summary: string;
  readonly access: Access;
  readonly input: I;
  readonly output: O;
  /** Answers a stream when the input asks for one; its handler writes the answer itself. */
  readonly streams?: boolean;
  /** Largest body; the daemon's own limit when left out. */
  readonly bodyBytes?: number;
}

/** A table of HTTP calls by name. */
export type EndpointTable = Readonly<Record<string, Endpoint>>;

/** One JSON-RPC method. */
export interface RpcMethod<I extends z.ZodType = z.ZodType, O extends z.ZodType = z.ZodType> {
  readonly summary: string;
  /** `admin`: from the node's own machine with its admin token. Everybody when left out. */
  readonly access?: 'admin';
  /** `signed`: by what the caller has signed. `node`: with the rights of the node itself. Nothing when left out. */
  readonly changes?: 'signed' | 'node';
  readonly input: I;
  readonly output: O;
}

/** A table of JSON-RPC methods by name. */
export type RpcTable = Readonly<Record<string, RpcMethod>>;

/** Input as a caller writes it. */
export type InputOf<E extends { readonly input: z.ZodType }> = z.input<E['input']>;

/** Input as a handler gets it, with defaults filled in. */
export type ParsedInputOf<E extends { readonly input: z.ZodType }> = z.output<E['input']>;

/** Answer of a call. */
export type OutputOf<E extends { readonly output: z.ZodType }> = z.output<E['output']>;

/** Types a row without widening its schemas. */
export function endpoint<I extends z.ZodType, O extends z.ZodType>(
  row: Endpoint<I, O>,
): Endpoint<I, O> {
  return row;
}

/** Types a method without widening its schemas. */
export function rpcMethod<I extends z.ZodType, O extends z.ZodType>(
  row: RpcMethod<I, O>,
): RpcMethod<I, O> {
  return row;
}
