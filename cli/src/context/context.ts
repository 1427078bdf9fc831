/** Everything a command may use of the world outside. Nothing else in the CLI reads the environment. */
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { ports } from '@aitbc/protocol';
import type { GlobalValues } from '../command/global-options.ts';
import { readGatewayKey } from '../gateway/gateway-key.ts';
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
  return resolve(globals.home ?? join(env.HOME || homedir(), '.aitbc'));
}

/** The writer for these streams and options. */
export function outOf(host: Host, globals: GlobalValues): Out {
  const { stdout, stderr } = host;
  return createOut({ json: globals.json, stdout, stderr, colors: !globals.noColor });
}

/** The context of one command. */
export function openContext(host: Host, globals: GlobalValues, out: Out): OpenContext {
  const { env, stdin, signal, version } = host;
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
