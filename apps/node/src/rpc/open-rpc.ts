/**
 * The methods of a node as an OpenRPC 1.3 document, made from the same tables that the handlers are mounted from.
 * Every method takes its parameters by name; those that only a WebSocket has are tagged so.
 */
import { errorTable, nodeRpc, nodeSocketRpc, type RpcMethod, type RpcTable } from '@aitbc/protocol';
import { z } from 'zod';

type JsonObject = Record<string, unknown>;

const documentVersion = '1.3.2';
const apiVersion = '1.0.0';

/** The document. */
export function openRpcOf(): { openrpc: string; methods: unknown[]; [name: string]: unknown } {
  return {
    openrpc: documentVersion,
    info: {
      title: 'AITBC node',
      version: apiVersion,
      description:
        'Brother Chain over JSON-RPC 2.0: POST / or WebSocket /. Amounts are decimal strings of nait, hashes hex, transactions base64.',
    },
    methods: [...methodsOf(nodeRpc, []), ...methodsOf(nodeSocketRpc, [{ name: 'websocket' }])],
    components: { errors: errorsOf() },
  };
}

function methodsOf(table: RpcTable, tags: readonly JsonObject[]): JsonObject[] {
  return Object.entries(table).map(([name, row]) => {
    const access = row.access ? [{ name: row.access }] : [];
    const changes = row.changes ? [{ name: `changes:${row.changes}` }] : [];
    return {
      name,
      summary: row.summary,
      tags: [{ name: name.split(/[_.]/)[0] }, ...tags, ...access, ...changes],
      paramStructure: 'by-name',
      params: paramsOf(row),
      result: { name: 'result', schema: z.toJSONSchema(row.output, { unrepresentable: 'any' }) },
    };
  });
}

/** One descriptor for each name of the input; the required ones first, as the standard asks. */
function paramsOf({ input }: RpcMethod): JsonObject[] {
  const schema = z.toJSONSchema(input, { io: 'input', unrepresentable: 'any' });
  const required = new Set(schema.required);
  const params = Object.entries(schema.properties ?? {}).map(([name, one]) => ({
    name,
    required: required.has(name),
    schema: one,
  }));
  return [...params.filter((one) => one.required), ...params.filter((one) => !one.required)];
}

function errorsOf(): JsonObject {
  const rows = Object.values(errorTable).map(({ code, rpcNumber, message }) => [
    code,
    { code: rpcNumber, message, data: { code } },
  ]);
  return Object.fromEntries(rows) as JsonObject;
}
