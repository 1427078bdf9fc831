import { ports } from '@aitbc/protocol';
import { type ConfigOf, defineConfig } from '@aitbc/service';

/** Settings of the wallet daemon. */
export const walletConfig = defineConfig({
  name: 'wallet',
  summary: 'keeps encrypted keys, signs transactions it has shown and simulated',
  settings: {
    dataDir: {
      env: 'AITBC_WALLET_DATA_DIR',
      type: 'path',
      default: '~/.aitbc/wallet',
      help: 'folder of the database and of admin.token',
    },
    host: {
      env: 'AITBC_WALLET_HOST',
      type: 'string',
      default: '127.0.0.1',
      help: 'address to listen on; anything but loopback exposes the keys to the network',
    },
    port: {
      env: 'AITBC_WALLET_PORT',
      type: 'integer',
      default: ports.wallet,
      min: 0,
      max: 65_535,
      help: 'port to listen on, 0 for any',
    },
    allowedHosts: {
      env: 'AITBC_WALLET_ALLOWED_HOSTS',
      type: 'list',
      default: [],
      help: 'further Host headers to answer to, with their port, such as wallet:8015',
    },
    nodeUrl: {
      env: 'AITBC_NODE_URL',
      type: 'string',
      default: `http://127.0.0.1:${ports.node}`,
      help: 'node that simulates what is signed',
    },
    nodeTimeoutMs: {
      env: 'AITBC_WALLET_NODE_TIMEOUT_MS',
      type: 'integer',
      default: 5_000,
      min: 100,
      max: 30_000,
      help: 'longest wait for an answer of the node, ms',
    },
    kdfMemoryKib: {
      env: 'AITBC_WALLET_KDF_MEMORY_KIB',
      type: 'integer',
      default: 65_536,
      min: 8_192,
      max: 1_048_576,
      help: 'memory argon2id takes to open a key, KiB',
    },
    kdfPasses: {
      env: 'AITBC_WALLET_KDF_PASSES',
      type: 'integer',
      default: 3,
      min: 1,
      max: 10,
      help: 'passes argon2id makes to open a key',
    },
    docs: {
      env: 'AITBC_WALLET_DOCS',
      type: 'boolean',
      default: false,
      help: 'serve the API description under /docs and /openapi.json',
    },
  },
});

/** Values of the settings. */
export type WalletConfig = ConfigOf<typeof walletConfig>;
