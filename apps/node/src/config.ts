import { ports } from '@aitbc/protocol';
import { type ConfigOf, defineConfig } from '@aitbc/service';

/** Blocks between two snapshots. */
export const snapshotBlocksDefault = 10_000;

/** Settings of the node. */
export const nodeConfig = defineConfig({
  name: 'node',
  summary: 'Brother Chain node. `--init DIR` writes genesis and keys of a devnet and ends.',
  settings: {
    dataDir: {
      env: 'AITBC_NODE_DATA_DIR',
      type: 'path',
      default: '~/.aitbc/node',
      help: 'folder of blocks, votes and database',
    },
    host: {
      env: 'AITBC_NODE_HOST',
      type: 'string',
      default: '127.0.0.1',
      help: 'address to listen on',
    },
    port: {
      env: 'AITBC_NODE_PORT',
      type: 'integer',
      default: ports.node,
      min: 0,
      max: 65_535,
      help: 'port of RPC over HTTP and WebSocket, 0 for any',
    },
    allowedOrigins: {
      env: 'AITBC_NODE_ALLOWED_ORIGINS',
      type: 'list',
      default: [],
      help: 'origins of web pages that may read and send signed transactions, such as https://app.example; * lets every page read',
    },
    genesisFile: {
      env: 'AITBC_NODE_GENESIS_FILE',
      type: 'path',
      default: undefined,
      help: 'genesis document; genesis.json in the data folder when unset',
    },
    keyFile: {
      env: 'AITBC_NODE_KEY_FILE',
      type: 'path',
      default: undefined,
      help: 'validator key; validator.key in the data folder when unset',
    },
    faucetKeyFile: {
      env: 'AITBC_NODE_FAUCET_KEY_FILE',
      type: 'path',
      default: undefined,
      help: 'key of the faucet account; no faucet when unset',
    },
    meshHost: {
      env: 'AITBC_NODE_MESH_HOST',
      type: 'string',
      default: '127.0.0.1',
      help: 'address to listen on for other nodes',
    },
    meshPort: {
      env: 'AITBC_NODE_MESH_PORT',
      type: 'integer',
      default: ports.mesh,
      min: 0,
      max: 65_535,
      help: 'port for other nodes (mutual TLS), 0 for any',
    },
    peers: {
      env: 'AITBC_NODE_PEERS',
      type: 'string',
      default: undefined,
      help: 'other nodes, [key@]host:port, separated by commas',
    },
    snapshotBlocks: {
      env: 'AITBC_NODE_SNAPSHOT_BLOCKS',
      type: 'integer',
      default: snapshotBlocksDefault,
      min: 0,
      max: 1_000_000_000,
      help: 'blocks between two snapshots of the state, 0 for none',
    },
    trustedBlock: {
      env: 'AITBC_NODE_TRUSTED_BLOCK',
      type: 'string',
      default: undefined,
      help: 'height:hash of a block to trust, where joining by snapshot starts from',
    },
    allowKeyTakeover: {
      env: 'AITBC_NODE_ALLOW_KEY_TAKEOVER',
      type: 'boolean',
      default: false,
      help: 'start though a peer is connected to another node with this key',
    },
    verifyWorkers: {
      env: 'AITBC_NODE_VERIFY_WORKERS',
      type: 'integer',
      default: undefined,
      min: 0,
      max: 64,
      help: 'threads that check signatures, 0 for the main thread; a quarter of the cores when unset',
    },
    minBlockIntervalMs: {
      env: 'AITBC_NODE_MIN_BLOCK_INTERVAL_MS',
      type: 'integer',
      default: 20,
      min: 0,
      max: 10_000,
      help: 'shortest time between two blocks, ms: under load, transactions are batched',
    },
  },
});

/** Values of the settings. */
export type NodeConfig = ConfigOf<typeof nodeConfig>;
