/** Client of a chain node: JSON-RPC over HTTP for calls, a WebSocket for all subscriptions and one for batches of bytes. */
import {
  AppError,
  type ChainParams,
  type InputOf,
  limits,
  type Network,
  networkFromHash,
  nodeRpc,
  type OutputOf,
  type RpcMethod,
  type TxOutcome,
} from '@aitbc/protocol';
import { createTransport, openSocket } from '#platform';
import { baseOf, checkedAnswer, jsonOf } from '../http/client.ts';
import { type OpenSocket, readText, type Transport, withDeadline } from '../http/transport.ts';
import { errorOfRpc } from './json-rpc.ts';
import {
  createSubscriptions,
  type NotificationHandler,
  type SubscribeOptions,
  type Subscription,
} from './subscriptions.ts';
import { createTxBatches } from './tx-batches.ts';

const answerBytesMax = 16_777_216; // a block of 2 MiB as JSON, several times over

/** Methods of a node as typed functions. */
export type NodeRpc = {
  readonly [K in keyof typeof nodeRpc]: (
    input: InputOf<(typeof nodeRpc)[K]>,
    options?: { readonly signal?: AbortSignal | undefined },
  ) => Promise<OutputOf<(typeof nodeRpc)[K]>>;
};

/** What a client must know of its chain. */
export interface ChainInfo {
  readonly network: Network;
  readonly params: ChainParams;
}

/** Client of one node. */
export interface NodeClient {
  readonly rpc: NodeRpc;
  /** Network and parameters, asked once and kept. Throws UNAVAILABLE while the node is away. */
  network(): Promise<ChainInfo>;
  /**
   * Sends signed transactions as one binary frame: the cheapest way for many. Outcomes in their order; a refusal
   * does not stop the others. Throws UNAVAILABLE or TIMEOUT when it is not known which were taken, BAD_REQUEST and
   * PAYLOAD_TOO_LARGE for more than fits, RATE_LIMITED while too many batches wait.
   */
  sendBatch(
    txs: readonly Uint8Array[],
    options?: { readonly signal?: AbortSignal | undefined },
  ): Promise<readonly TxOutcome[]>;
  /** Follows a topic until the signal aborts or the handle is closed; survives lost connections. */
  subscribe(
    topic: string,
    onNotification: NotificationHandler,
    options?: SubscribeOptions,
  ): Subscription;
  /** Ends all subscriptions and connections. */
  close(): Promise<void>;
}

/** Options of a node client. */
export interface NodeClientOptions {
  /** HTTP address of the node, such as `http://127.0.0.1:8006`. */
  readonly url: string;
  /** Longest time of one call, default `limits.requestTimeoutMs`. */
  readonly timeoutMs?: number | undefined;
  /** Admin token of the node, for its `admin_` methods. */
  readonly adminToken?: string | undefined;
}

/** Parts of the platform, replaced in tests. */
export interface NodeClientDeps {
  readonly transport?: Transport;
  readonly openSocket?: OpenSocket;
}

/** A node client. Nothing is connected before the first call. */
export function createNodeClient(
  options: NodeClientOptions,
  deps: NodeClientDeps = {},
): NodeClient {
  const transport = deps.transport ?? createTransport();
  const call = createCaller(options, transport);
  const socketUrl = `${baseOf(options.url).replace(/^http/, 'ws')}/`;
  const subscriptions = createSubscriptions(socketUrl, deps.openSocket ?? openSocket);
  const batches = createTxBatches(
    { url: socketUrl, timeoutMs: options.timeoutMs ?? limits.requestTimeoutMs },
    deps.openSocket ?? openSocket,
  );
  const rpc = Object.fromEntries(
    Object.entries(nodeRpc).map(([method, row]) => [
      method,
      (input: unknown, { signal }: { signal?: AbortSignal | undefined } = {}) =>
        call(method, row, { input: input ?? {}, signal }),
    ]),
  ) as NodeRpc;
  let known: Promise<ChainInfo> | undefined;
  return {
    rpc,
    network() {
      known ??= readChainInfo(rpc).catch((error: unknown) => {
        known = undefined;
        throw error;
      });
      return known;
    },
    sendBatch: (txs, { signal } = {}) => batches.send(txs, signal),
    subscribe: subscriptions.subscribe,
    async close() {
      batches.close();
      subscriptions.close();
      await transport.close();
    },
  };
}

async function readChainInfo(rpc: NodeRpc): Promise<ChainInfo> {
  const status = await rpc.chain_status({});
  return { network: networkFromHash(status.network, status.genesisHash), params: status.params };
}

type Call = (
  method: string,
  row: RpcMethod,
  request: { input: unknown; signal: AbortSignal | undefined },
) => Promise<unknown>;

function createCaller(
  { url, timeoutMs, adminToken }: NodeClientOptions,
  transport: Transport,
): Call {
  const headers = {
    'content-type': 'application/json',
    accept: 'application/json',
    ...(adminToken === undefined ? {} : { authorization: `Bearer ${adminToken}` }),
  };
  const limitMs = timeoutMs ?? limits.requestTimeoutMs;
  let lastId = 0;
  return (method, row, { input, signal }) => {
    lastId += 1;
    const body = JSON.stringify({ jsonrpc: '2.0', id: lastId, method, params: input });
    return withDeadline({ what: url, timeoutMs: limitMs, signal }, async (deadline) => {
      const answer = await transport.request({
        method: 'POST',
        url,
        headers,
        body,
        timeoutMs: limitMs,
        signal: deadline,
      });
      const text = await readText(answer, url, answerBytesMax);
      return resultOf(url, row, { status: answer.status, text });
    });
  };
}

function resultOf(
  url: string,
  row: RpcMethod,
  { status, text }: { status: number; text: string },
): unknown {
  const body = jsonOf(text) as { result?: unknown; error?: unknown } | undefined;
  if (body?.error) throw errorOfRpc(body.error);
  if (status >= 300 || body === undefined) {
    throw new AppError('UNAVAILABLE', {
      what: url,
      reason: `it answered with HTTP status ${status}`,
    });
  }
  return checkedAnswer(row, url, body.result);
}
