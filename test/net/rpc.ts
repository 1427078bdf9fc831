/** JSON-RPC as a stranger speaks it, shared with the chaos network. */
export { call, callAll, type Head, headOf, RpcRefusal, until } from '@aitbc/cli/net';
