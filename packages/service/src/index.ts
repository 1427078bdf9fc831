export {
  type ConfigOf,
  type ConfigTable,
  commonSettings,
  defineConfig,
  helpText,
  printableConfig,
  type Setting,
  type Settings,
  type ValuesOf,
} from './config/config.ts';
export { type ConfigSources, loadConfig, readConfig } from './config/load-config.ts';
export { nearestName } from './config/nearest-name.ts';
export {
  type Daemon,
  type DaemonContext,
  type DaemonOptions,
  type ProcessSeam,
  runDaemon,
} from './daemon.ts';
export {
  type DirectCall,
  type DirectExchange,
  type DirectRoute,
  type JsonAnswer,
  sendJson,
} from './http/direct.ts';
export {
  answered,
  type CallContext,
  type Handlers,
  type MountOptions,
  mountDirectEndpoint,
  mountEndpoints,
  parseInput,
} from './http/endpoints.ts';
export { createHttp, type Http, type HttpOptions, type ListenOptions } from './http/http.ts';
export type { Metrics } from './http/metrics.ts';
export { type JsonObject, mountDocs, type OpenApiOptions, openApiOf } from './http/openapi.ts';
export type { OriginRules, PageKind } from './http/origins.ts';
export { type Problem, problemOf, problemType } from './http/problem.ts';
export {
  type JsonSocket,
  mountSocket,
  type SocketOptions,
  type SocketSession,
} from './http/socket.ts';
export { createLog, type Log, type LogOptions } from './log.ts';
export { migratePostgres, postgresText } from './postgres/migrate.ts';
export {
  openPostgres,
  type Postgres,
  type PostgresOptions,
  postgresError,
} from './postgres/postgres.ts';
export { type Migration, migrate } from './sqlite/migrate.ts';
export type { RunResult, SqlRow, SqlValue } from './sqlite/seam.ts';
export { openSqlite, type Sqlite, type SqliteOptions, type Statement } from './sqlite/sqlite.ts';
export { type UntilOptions, until } from './testing.ts';
