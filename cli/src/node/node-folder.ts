/**
 * The folder of one node: settings, keys and data. The settings are TOML as the program reads it with `--config`, so
 * that a service manager starts the node from the same file; here they are written, and three of them are
 * read back.
 *
 *   DIR/node.toml   DIR/genesis.json   DIR/validator.key   DIR/data/
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { AppError } from '@aitbc/protocol';

const settingsFile = 'node.toml';

/** What is written. Paths are absolute. */
export interface NodeSettings {
  readonly dataDir: string;
  readonly genesisFile: string;
  readonly keyFile: string;
  readonly faucetKeyFile?: string;
  readonly port: number;
  readonly meshHost: string;
  readonly meshPort: number;
  /** `host:port` of other nodes. */
  readonly peers: readonly string[];
}

/** A node of a folder. */
export interface NodeFolder {
  readonly settingsFile: string;
  readonly dataDir: string;
  readonly keyFile: string;
  /** Where its RPC answers while it runs. */
  readonly url: string;
}

/** Writes the settings of a node. Throws CLI_USAGE when the folder has some. */
export function writeNodeFolder(dir: string, settings: NodeSettings): NodeFolder {
  const file = join(dir, settingsFile);
  if (existsSync(file)) {
    throw new AppError('CLI_USAGE', { reason: `${file} exists already. Choose another folder.` });
  }
  mkdirSync(settings.dataDir, { recursive: true, mode: 0o700 });
  const { peers, ...rest } = settings;
  const rows = Object.entries(rest).map(([key, value]) => `${key} = ${JSON.stringify(value)}`);
  const all = [...rows, `host = "127.0.0.1"`, `peers = ${JSON.stringify(peers.join(','))}`];
  writeFileSync(file, `${all.join('\n')}\n`, { flag: 'wx' });
  return openNodeFolder(dir);
}

/** The node of a folder. Throws CLI_USAGE when it has none. */
export function openNodeFolder(dir: string): NodeFolder {
  const file = resolve(dir, settingsFile);
  if (!existsSync(file)) {
    const reason = `${resolve(dir)} is not the folder of a node: there is no ${settingsFile}. Make one: aitbc node init, aitbc node join`;
    throw new AppError('CLI_USAGE', { reason });
  }
  const text = readFileSync(file, 'utf8');
  const [dataDir, keyFile] = [settingOf(text, 'dataDir'), settingOf(text, 'keyFile')];
  const port = Number(settingOf(text, 'port'));
  if (!dataDir || !keyFile || !Number.isInteger(port)) {
    const reason = `${file} does not say dataDir, keyFile and port on lines of their own`;
    throw new AppError('CONFIG_INVALID', { reason });
  }
  return { settingsFile: file, dataDir, keyFile, url: `http://127.0.0.1:${port}` };
}

/** Value of `key = value` on a line of its own. */
function settingOf(text: string, key: string): string | undefined {
  const [, value] =
    new RegExp(`^${key}\\s*=\\s*("(?:[^"\\\\]|\\\\.)*"|\\d+)\\s*$`, 'm').exec(text) ?? [];
  if (value === undefined) return undefined;
  return value.startsWith('"') ? (JSON.parse(value) as string) : value;
}

/** The admin token of a data folder. Throws UNAUTHORIZED when there is none or it may not be read. */
export function readAdminToken({ dataDir }: NodeFolder): string {
  try {
    return readFileSync(join(dataDir, 'admin.token'), 'utf8').trim();
  } catch (error) {
    const reason = `the admin token in ${dataDir} cannot be read: ${(error as Error).message}`;
    throw new AppError('UNAUTHORIZED', { reason }, { cause: error });
  }
}
