/**
 * Where every number comes from: three typed ways out of the page. `chain` asks the chain node through the coordinator,
 * `market` the coordinator itself, `gateway` the gateway on the reader's own machine. Only types come from the protocol
 * package; its schemas would be most of what a page loads.
 */
import type {
  coordinatorEndpoints,
  gatewayEndpoints,
  InputOf,
  nodeRpc,
  OutputOf,
} from '@aitbc/protocol';
import { CallError, callJson, errorOf } from './call-json.ts';

type Rpc = typeof nodeRpc;
type Market = typeof coordinatorEndpoints;
type Gateway = typeof gatewayEndpoints;

/** Answer of a method of the node. */
export type ChainOutput<K extends keyof Rpc> = OutputOf<Rpc[K]>;
/** Answer of a call of the coordinator. */
export type MarketOutput<K extends keyof Market> = OutputOf<Market[K]>;
/** Answer of a call of the gateway. */
export type GatewayOutput<K extends keyof Gateway> = OutputOf<Gateway[K]>;

/** One JSON-RPC call of the chain node. */
export async function chain<K extends keyof Rpc>(
  method: K,
  params: InputOf<Rpc[K]>,
  signal?: AbortSignal,
): Promise<ChainOutput<K>> {
  const body = { jsonrpc: '2.0', id: 1, method, params };
  const answer = await callJson<{ result?: unknown; error?: unknown }>('/v1/chain', {
    body,
    signal,
  });
  if (answer.error) throw errorOf(answer, 200);
  if (answer.result === undefined) throw new CallError('ANSWER_INVALID', 'The node said nothing.');
  return answer.result as ChainOutput<K>;
}

/** A GET of the coordinator. */
export function market<K extends keyof Market>(
  path: string,
  query: Readonly<Record<string, string | number | undefined>> = {},
  options: { readonly signal?: AbortSignal; readonly token?: string } = {},
): Promise<MarketOutput<K>> {
  const pairs = Object.entries(query).filter(([, value]) => value !== undefined && value !== '');
  const text = new URLSearchParams(pairs.map(([name, value]) => [name, String(value)])).toString();
  return callJson<MarketOutput<K>>(text === '' ? path : `${path}?${text}`, options);
}

/** A GET of the gateway. */
export function gatewayGet<K extends keyof Gateway>(
  base: string,
  path: string,
  signal?: AbortSignal,
): Promise<GatewayOutput<K>> {
  return callJson<GatewayOutput<K>>(base + path, { signal });
}
