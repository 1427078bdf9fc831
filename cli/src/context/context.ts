/** Everything a command may use of the world outside. Nothing else in the CLI reads the environment. */
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { ports } from '@aitbc/protocol/ports';
import { type GlobalValues, splitArguments } from '../command/global-options.ts';
import { type Config, configDir, readConfig, withConfig } from '../config/config-file.ts';
import { readGatewayKey } from '../gateway/gateway-key.ts';
import type { PluginPlaces } from '../plugin/plugin-roots.ts';
import { type Ask, createAsk } from './ask.ts';
import type { Clients } from './clients.ts';
import { createOut, type Out, type TextStream } from './out.ts';
import { type RunningDevnet, runningDevnetOf, type Urls } from './running-devnet.ts';
import { readWalletToken } from './wallet-token.ts';

/** The process around the command line. */
export interface Host {
  /** Words behind `aitbc`. */
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly stdin: Readable & { readonly isTTY?: boolean | undefined };
  readonly stdout: TextStream;
  readonly stderr: TextStream;
  /** Aborts on Ctrl-C. */
  readonly signal: AbortSignal;
  readonly version: string;
}

/** config.toml, and what stood above it before it was mixed into the environment. */
export interface Configured {
  readonly config: Config;
  /** The environment of the process. */
  readonly env: Host['env'];
  /** Global options that were typed. */
  readonly flags: GlobalValues;
}

/** A host whose environment has the values of config.toml behind its own. */
export interface ConfiguredHost extends Host {
  readonly configured: Configured;
}

/** What every command gets. */
export interface Context {
  readonly out: Out;
  readonly ask: Ask;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly stdin: Readable & { readonly isTTY?: boolean | undefined };
  /** Aborts on Ctrl-C; the command then ends what it began, and the exit code is 130. */
  readonly signal: AbortSignal;
  /** True with `--json`. */
  readonly json: boolean;
  readonly version: string;
  /** Folder of this user, absolute; it may not exist yet. */
  readonly home: string;
  readonly urls: Urls;
  readonly configured: Configured;
  readonly pluginPlaces: PluginPlaces;
  /** The devnet that runs in this home, undefined when none does. */
  readonly devnet: RunningDevnet | undefined;
  /** Clients of the daemons; loads the SDK. */
  clients(): Promise<Clients>;
  /** Token for the wallet daemon. Throws UNAUTHORIZED when there is none. */
  walletToken(): string;
  /** API key of the gateway; undefined when this user has none. */
  gatewayKey(): string | undefined;
}

/** A context and its end. */
export interface OpenContext {
  readonly context: Context;
  /** Ends the connections. */
  close(): Promise<void>;
}

/** The folder of this user. */
export function homeOf(
  globals: Pick<GlobalValues, 'home'>,
  env: Readonly<Record<string, string | undefined>>,
): string {
  return resolve(globals.home ?? join(userHomeOf(env), '.aitbc'));
}

function userHomeOf(env: Host['env']): string {
  return env.HOME || homedir();
}

/** Reads config.toml and puts it behind the environment. */
export function configure(host: Host): ConfiguredHost {
  const { argv, env } = host;
  const { home } = splitArguments(argv, env).globals;
  const dir = home === undefined ? configDir(env, userHomeOf(env)) : resolve(home);
  const config = readConfig(join(dir, 'config.toml'));
  const { globals: flags } = splitArguments(argv, {});
  return { ...host, env: withConfig(env, config), configured: { config, env, flags } };
}

/** Where plugins of this user are. */
export function pluginPlacesOf(globals: GlobalValues, env: Host['env']): PluginPlaces {
  return {
    named: globals.pluginDir === undefined ? undefined : resolve(globals.pluginDir),
    usual: join(configDir(env, userHomeOf(env)), 'plugins'),
    packages: join(homeOf(globals, env), 'plugins'),
  };
}

/** The writer for these streams and options. */
export function outOf(host: Host, globals: GlobalValues): Out {
  const { stdout, stderr } = host;
  return createOut({ json: globals.json, stdout, stderr, colors: !globals.noColor });
}

/** The context of one command. */
export function openContext(
  host: Host | ConfiguredHost,
  globals: GlobalValues,
  out: Out,
): OpenContext {
  const { configured, env, stdin, signal, version } = 'configured' in host ? host : configure(host);
  const home = homeOf(globals, env);
  const devnet = runningDevnetOf(home);
  const urls = urlsOf(globals, env, devnet);
  const walletToken = () =>
    readWalletToken({ env, home, devnetTokenFile: devnet?.walletTokenFile });
  const secrets = { walletToken, gatewayKey: () => readGatewayKey(env) };
  let clients: Promise<Clients> | undefined;
  const context: Context = {
    out,
    ask: createAsk({
      isPossible: stdin.isTTY === true && host.stderr.isTTY === true && !globals.json,
      input: stdin,
      output: host.stderr as unknown as Writable,
      signal,
    }),
    env,
    stdin,
    signal,
    json: globals.json,
    version,
    home,
    urls,
    configured,
    pluginPlaces: pluginPlacesOf(globals, env),
    devnet,
    clients() {
      clients ??= import('./clients.ts').then((module) => module.createClients(urls, secrets));
      return clients;
    },
    walletToken,
    gatewayKey: secrets.gatewayKey,
  };
  return { context, close: async () => (await clients)?.close() };
}

/** Flag or variable, then the running devnet, then the standard ports on loopback. */
function urlsOf(
  globals: GlobalValues,
  env: Readonly<Record<string, string | undefined>>,
  devnet: RunningDevnet | undefined,
): Urls {
  const standard = (port: number) => `http://127.0.0.1:${port}`;
  const known: Partial<Urls> = devnet?.urls ?? {};
  return {
    node: globals.nodeUrl ?? known.node ?? standard(ports.node),
    wallet: globals.walletUrl ?? known.wallet ?? standard(ports.wallet),
    coordinator: globals.coordinatorUrl ?? known.coordinator ?? standard(ports.coordinator),
    gateway: globals.gatewayUrl ?? known.gateway ?? standard(ports.gateway),
    provider: env.AITBC_PROVIDER_URL || (known.provider ?? standard(ports.provider)),
  };
}
