/** Settings of the coordinator. */
import { join } from 'node:path';
import { AppError, ports } from '@aitbc/protocol';
import { type ConfigOf, defineConfig } from '@aitbc/service';

export const configTable = defineConfig({
  name: 'coordinator',
  summary: 'matches buyers and providers; never in the money path',
  settings: {
    host: {
      env: 'AITBC_COORDINATOR_HOST',
      type: 'string',
      default: '127.0.0.1',
      help: 'address to listen on',
    },
    port: {
      env: 'AITBC_COORDINATOR_PORT',
      type: 'integer',
      default: ports.coordinator,
      min: 0,
      max: 65_535,
      help: 'port to listen on; 0 takes a free one',
    },
    allowedHosts: {
      env: 'AITBC_COORDINATOR_ALLOWED_HOSTS',
      type: 'list',
      default: [],
      help: 'names beside localhost whose own pages may call, such as coordinator.example',
    },
    dataDir: {
      env: 'AITBC_COORDINATOR_DATA_DIR',
      type: 'path',
      default: '.aitbc/coordinator',
      help: 'folder of the database',
    },
    databaseUrl: {
      env: 'AITBC_COORDINATOR_DATABASE_URL',
      type: 'string',
      default: '',
      help: 'sqlite:<path> or postgres://…, which several may share; empty is coordinator.sqlite in the data folder',
    },
    databasePassword: {
      env: 'AITBC_COORDINATOR_DATABASE_PASSWORD',
      type: 'string',
      default: '',
      secret: true,
      help: 'password of the PostgreSQL user; never part of the URL',
    },
    webhooksToPrivate: {
      env: 'AITBC_COORDINATOR_WEBHOOKS_TO_PRIVATE',
      type: 'boolean',
      default: false,
      help: 'send notices also to addresses of this machine and its own network',
    },
    nodeUrl: {
      env: 'AITBC_NODE_URL',
      type: 'string',
      default: `http://127.0.0.1:${ports.node}`,
      help: 'JSON-RPC of the chain node',
    },
    name: {
      env: 'AITBC_COORDINATOR_NAME',
      type: 'string',
      default: 'aitbc',
      help: 'name that /v1/about shows',
    },
    auditRateBps: {
      env: 'AITBC_COORDINATOR_AUDIT_RATE_BPS',
      type: 'integer',
      default: 300,
      min: 0,
      max: 10_000,
      help: 'part of the verifiable jobs that is drawn for an audit, in 1/10 000; 0 for none',
    },
    auditDutyMs: {
      env: 'AITBC_COORDINATOR_AUDIT_DUTY_MS',
      type: 'integer',
      default: 120_000,
      min: 1_000,
      max: 3_600_000,
      help: 'how long a provider has to replay a job before another one is drawn',
    },
    canaryGateway: {
      env: 'AITBC_COORDINATOR_CANARY_GATEWAY',
      type: 'string',
      default: '',
      help: 'gateway that buys canaries from new providers; its coordinator is this one with /canary; empty for none',
    },
    canaryEveryMs: {
      env: 'AITBC_COORDINATOR_CANARY_EVERY_MS',
      type: 'integer',
      default: 60_000,
      min: 100,
      help: 'shortest time between two canaries',
    },
    console: {
      env: 'AITBC_COORDINATOR_CONSOLE',
      type: 'string',
      default: 'auto',
      help: 'folder of the built web console; auto finds it beside this daemon, off serves none',
    },
    consoleGateway: {
      env: 'AITBC_COORDINATOR_CONSOLE_GATEWAY',
      type: 'string',
      default: `http://127.0.0.1:${ports.gateway}`,
      help: 'gateway that the console may call, on the machine of whoever looks; empty for none',
    },
    consoleDevnetControl: {
      env: 'AITBC_COORDINATOR_CONSOLE_DEVNET_CONTROL',
      type: 'string',
      default: '',
      secret: true,
      help: 'control of a devnet with its token, set by `aitbc up`; empty everywhere else',
    },
    bus: {
      env: 'AITBC_COORDINATOR_BUS',
      type: 'string',
      default: '',
      help: 'redis://<host>:<port> (rediss:// is TLS), or direct for peer-to-peer: carries messages to other coordinators; empty for none',
    },
    busUser: {
      env: 'AITBC_COORDINATOR_BUS_USER',
      type: 'string',
      default: '',
      help: 'ACL user of Redis; empty for its default user',
    },
    busPassword: {
      env: 'AITBC_COORDINATOR_BUS_PASSWORD',
      type: 'string',
      default: '',
      secret: true,
      help: 'password of Redis; never part of the URL',
    },
    busCaFile: {
      env: 'AITBC_COORDINATOR_BUS_CA_FILE',
      type: 'path',
      default: undefined,
      help: 'with rediss://: certificates (PEM) that the one of Redis must lead to; those of Node when unset',
    },
    busListen: {
      env: 'AITBC_COORDINATOR_BUS_LISTEN',
      type: 'list',
      default: [],
      help: 'with direct: multiaddrs to listen on, such as /ip4/0.0.0.0/tcp/8010',
    },
    busPeers: {
      env: 'AITBC_COORDINATOR_BUS_PEERS',
      type: 'list',
      default: [],
      help: 'with direct: multiaddrs of peers to stay connected to',
    },
    surveillancePlugins: {
      env: 'AITBC_COORDINATOR_SURVEILLANCE_PLUGINS',
      type: 'string',
      default: '',
      help: 'folder of detectors of your own (.mjs); they run with the rights of the daemon; empty for none',
    },
    surveillanceThresholds: {
      env: 'AITBC_COORDINATOR_SURVEILLANCE_THRESHOLDS',
      type: 'list',
      default: [],
      help: 'thresholds of detectors, such as self-dealing.receiptsMin=20; `aitbc surveillance status` lists them',
    },
    surveillancePublicSources: {
      env: 'AITBC_COORDINATOR_SURVEILLANCE_PUBLIC_SOURCES',
      type: 'list',
      default: [],
      help: 'addresses that give coins to everybody, such as a faucet or an exchange: they tie nobody',
    },
    postsPerMinute: {
      env: 'AITBC_COORDINATOR_POSTS_PER_MINUTE',
      type: 'integer',
      default: 60_000,
      min: 1,
      live: true,
      help: 'most POST requests of one address in a minute; lower it on the open internet',
    },
  },
});

/** Settings of the coordinator. */
export type CoordinatorConfig = ConfigOf<typeof configTable>;

const databaseName = 'coordinator.sqlite';

/** Path of the SQLite file, or URL of the PostgreSQL database. Throws CONFIG_INVALID for anything else. */
export function databaseUrlOf({
  databaseUrl,
  databasePassword,
  dataDir,
}: Pick<CoordinatorConfig, 'databaseUrl' | 'databasePassword' | 'dataDir'>): string {
  if (databaseUrl === '') return join(dataDir, databaseName);
  const path = /^sqlite:(.+)$/.exec(databaseUrl)?.[1];
  if (path) return path;
  if (/^postgres(ql)?:\/\/./.test(databaseUrl) && URL.canParse(databaseUrl)) {
    return postgresUrlOf(new URL(databaseUrl), databasePassword);
  }
  const reason = 'databaseUrl must be sqlite:<path> or postgres://<user>@<host>/<database>';
  throw new AppError('CONFIG_INVALID', { reason });
}

/** A flag can be read by every user of the machine, so the password has a setting of its own. */
function postgresUrlOf(url: URL, password: string): string {
  if (url.password !== '') {
    const reason =
      'databaseUrl holds a password that others can see; set AITBC_COORDINATOR_DATABASE_PASSWORD instead';
    throw new AppError('CONFIG_INVALID', { reason });
  }
  url.password = encodeURIComponent(password);
  return url.href;
}
