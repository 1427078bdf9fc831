/**
 * Every place where a daemon listens to strangers. Endpoint tables are taken whole, so a new row is fuzzed without a line
 * here; a new table, a route beside the tables or a new socket needs one, and scripts/fuzz.test.ts asks for it.
 */
import {
  coordinatorEndpoints,
  facilitatorEndpoints,
  gatewayEndpoints,
  nodeRpc,
  nodeSocketRpc,
  oneShotEndpoints,
  providerEndpoints,
  walletEndpoints,
} from '@aitbc/protocol';

/** Tables by the daemon that serves them. */
export const httpTables = {
  coordinator: { ...coordinatorEndpoints, ...facilitatorEndpoints },
  provider: { ...providerEndpoints, ...oneShotEndpoints },
  gateway: gatewayEndpoints,
  wallet: walletEndpoints,
};

/** JSON-RPC of the node: by HTTP the first table, by WebSocket both. */
export const rpcTable = nodeRpc;
export const socketTable = { ...nodeRpc, ...nodeSocketRpc };

/** Routes beside the tables, as they are written in the sources. */
export const plainRoutes = {
  every: ['/health/live', '/health/ready', '/metrics'],
  node: ['/'],
  coordinator: [
    '/v1/relay/ait1x/v1/models',
    '/openapi.json',
    '/docs',
    '/docs/json',
    '/',
    '/index.html',
    '/assets/x',
    '/*',
  ],
  provider: ['/openapi.json', '/llms.txt', '/.well-known/agent-registration.json'],
  gateway: ['/openapi.json', '/llms.txt', '/', '/mcp'],
  wallet: ['/openapi.json', '/docs'],
};

/** Rows that would end or change the network under test for good, with the reason. They are fuzzed without their token. */
export const withoutToken = {
  'provider drain': 'it would sell nothing any more',
  'provider setPrices': 'buyers would be asked any price',
  'provider bench': 'it takes a minute of the engine',
  'gateway createKey': 'from then on every call would need a key',
  'wallet lock': 'the gateway could not fund its channels',
  'wallet forgetAccount': 'the gateway would lose its account',
  'wallet deleteToken': 'the gateway would lose its token',
  'wallet importFile': 'each try costs the time of opening a keystore',
  'wallet createAccount': 'each costs the time of sealing a keystore',
  'wallet unlock': 'each try costs the time of opening a keystore',
  'wallet exportAccount': 'each try costs the time of opening a keystore',
  'coordinator stopDetectors': 'the detectors would be off for the rest',
};

/** Rows that anybody may call and that would end a daemon: they never name a real one. */
export const neverValid = {
  'coordinator killProvider': 'a devnet kills its provider when it is asked',
};
