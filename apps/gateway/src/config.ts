import { ports } from '@aitbc/protocol';
import { type ConfigOf, defineConfig } from '@aitbc/service';

/** Settings of the gateway. Amounts are nait. */
export const gatewayConfig = defineConfig({
  name: 'gateway',
  summary:
    'lets unmodified clients of OpenAI, Anthropic and Ollama, and MCP hosts, buy from the market',
  settings: {
    dataDir: {
      env: 'AITBC_GATEWAY_DATA_DIR',
      type: 'path',
      default: '~/.aitbc/gateway',
      help: 'folder of the database and of hot.key',
    },
    host: {
      env: 'AITBC_GATEWAY_HOST',
      type: 'string',
      default: '127.0.0.1',
      help: 'address to listen on; anything but loopback lets the network spend your coins',
    },
    port: {
      env: 'AITBC_GATEWAY_PORT',
      type: 'integer',
      default: ports.gateway,
      min: 0,
      max: 65_535,
      help: 'port to listen on, 0 for any',
    },
    ollamaPort: {
      env: 'AITBC_GATEWAY_OLLAMA_PORT',
      type: 'integer',
      default: undefined,
      min: 0,
      max: 65_535,
      help: 'second port, such as 11434 where clients of Ollama look by themselves',
    },
    allowedHosts: {
      env: 'AITBC_GATEWAY_ALLOWED_HOSTS',
      type: 'list',
      default: [],
      help: 'names beside loopback that a Host header may have, such as gateway',
    },
    consoleOrigins: {
      env: 'AITBC_GATEWAY_CONSOLE_ORIGINS',
      type: 'list',
      default: [],
      help: 'origins of web consoles whose pages may buy here, such as https://coordinator.example; they spend your coins',
    },
    nodeUrl: {
      env: 'AITBC_NODE_URL',
      type: 'string',
      default: `http://127.0.0.1:${ports.node}`,
      help: 'chain node',
    },
    coordinatorUrl: {
      env: 'AITBC_COORDINATOR_URL',
      type: 'string',
      default: `http://127.0.0.1:${ports.coordinator}`,
      help: 'coordinator that ranks offers',
    },
    walletUrl: {
      env: 'AITBC_WALLET_URL',
      type: 'string',
      default: `http://127.0.0.1:${ports.wallet}`,
      help: 'wallet daemon that signs deposits',
    },
    walletToken: {
      env: 'AITBC_GATEWAY_WALLET_TOKEN',
      type: 'string',
      default: undefined,
      secret: true,
      help: 'token of the wallet; it must allow vault_deposit and channel_fund for the account',
    },
    account: {
      env: 'AITBC_GATEWAY_ACCOUNT',
      type: 'string',
      default: undefined,
      help: 'address that pays; without it the first account of the wallet',
    },
    mandateOwner: {
      env: 'AITBC_GATEWAY_MANDATE_OWNER',
      type: 'string',
      default: undefined,
      help: 'address that gave hot.key a mandate and pays; no wallet is asked then',
    },
    channelFund: {
      env: 'AITBC_GATEWAY_CHANNEL_FUND',
      type: 'string',
      default: '1000000000',
      help: 'nait put into a channel at a time',
    },
    vaultFund: {
      env: 'AITBC_GATEWAY_VAULT_FUND',
      type: 'string',
      default: '10000000000',
      help: 'nait put into the vault when it cannot fill a channel',
    },
    jobMax: {
      env: 'AITBC_GATEWAY_JOB_MAX',
      type: 'string',
      default: '100000000',
      help: 'most nait one call may cost',
    },
    dayMax: {
      env: 'AITBC_GATEWAY_DAY_MAX',
      type: 'string',
      default: '10000000000',
      help: 'most nait that may be spent on one UTC day',
    },
    allowPrivate: {
      env: 'AITBC_GATEWAY_ALLOW_PRIVATE',
      type: 'boolean',
      default: false,
      help: 'take offers with private addresses: for a devnet',
    },
    forgive: {
      env: 'AITBC_GATEWAY_FORGIVE',
      type: 'list',
      default: [],
      help: 'addresses of providers that broke a rule and are trusted again from this start on',
    },
    stallMs: {
      env: 'AITBC_GATEWAY_STALL_MS',
      type: 'integer',
      default: 5_000,
      min: 100,
      max: 600_000,
      help: 'longest silence in mid-answer before another provider goes on with it',
    },
    standby: {
      env: 'AITBC_GATEWAY_STANDBY',
      type: 'integer',
      default: 1,
      min: 0,
      max: 8,
      help: 'providers beside the one in use whose channels are funded ahead',
    },
    shareAudits: {
      env: 'AITBC_GATEWAY_SHARE_AUDITS',
      type: 'boolean',
      default: false,
      help: 'give prompt and answer of jobs that are drawn for an audit; only of the verifiable class',
    },
    hedgeMs: {
      env: 'AITBC_GATEWAY_HEDGE_MS',
      type: 'integer',
      default: undefined,
      min: 1,
      max: 600_000,
      help: 'ask a second provider when the first token takes longer; without it none is',
    },
    mode: {
      env: 'AITBC_GATEWAY_MODE',
      type: 'string',
      default: 'windowed',
      choices: ['windowed', 'reserve'],
      help: 'pay window by window, or all at once',
    },
  },
});

/** Values of the settings. */
export type GatewayConfig = ConfigOf<typeof gatewayConfig>;
