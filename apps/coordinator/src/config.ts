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
      help: 'sqlite:<path>; empty is coordinator.sqlite in the data folder',
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
    postsPerMinute: {
      env: 'AITBC_COORDINATOR_POSTS_PER_MINUTE',
      type: 'integer',
      default: 60_000,
      min: 1,
      help: 'most POST requests of one address in a minute; lower it on the open internet',
    },
  },
});

/** Settings of the coordinator. */
export type CoordinatorConfig = ConfigOf<typeof configTable>;

const databaseName = 'coordinator.sqlite';

/** Path of the database file. Throws CONFIG_INVALID for a database we cannot use. */
export function databasePathOf({
  databaseUrl,
  dataDir,
}: Pick<CoordinatorConfig, 'databaseUrl' | 'dataDir'>): string {
  if (databaseUrl === '') return join(dataDir, databaseName);
  const path = /^sqlite:(.+)$/.exec(databaseUrl)?.[1];
  if (path) return path;
  throw new AppError('CONFIG_INVALID', { reason: 'databaseUrl must be sqlite:<path>' });
}
