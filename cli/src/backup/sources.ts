/** Which folders a backup takes, and what it leaves out of them. */
import { existsSync, readdirSync, statSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { AppError } from '@aitbc/protocol';

/** A folder to be copied, and its name in the backup. */
export interface Source {
  readonly name: string;
  readonly dir: string;
  /** Only these files of it. */
  readonly only?: readonly string[];
}

/** Name in a backup of the secrets that lie in the home folder itself; they are put back there. */
export const secretsName = 'secrets';
const secretsOfHome: readonly string[] = ['wallet.password', 'gateway.token'];

/** Data folders of a home, and the keys of its chain. */
const ofHome = /^(chain|wallet|coordinator|gateway|(node|provider)(-\d+)?)$/;

/**
 * What a node fetches from others, and its votes. An old journal looks like a younger one that has forgotten nothing:
 * the key would sign again, and could contradict itself (docs/spec/consensus.md, "Journal").
 */
const ofNode = /^(blocks\.log|index|installing|journal-[01]|snapshots)/;

/** The data folders of a home. Throws CLI_USAGE when it has none. */
export function sourcesOfHome(home: string): Source[] {
  const names = existsSync(home) ? readdirSync(home).filter((name) => ofHome.test(name)) : [];
  const sources = names.sort().map((name) => ({ name, dir: join(home, name) }));
  const only = secretsOfHome.filter((name) => existsSync(join(home, name)));
  if (sources.length > 0) return [...sources, { name: secretsName, dir: home, only }];
  const reason = `${home} has no data of a daemon. Name their folders with --data-dir.`;
  throw new AppError('CLI_USAGE', { reason });
}

/** Data folders by their paths. Throws CLI_USAGE when one is none, or two have one name. */
export function sourcesOf(paths: readonly string[]): Source[] {
  const sources = paths.map((path) => {
    const dir = resolve(path.trim());
    return { name: basename(dir), dir };
  });
  for (const { dir } of sources) {
    if (statSync(dir, { throwIfNoEntry: false })?.isDirectory()) continue;
    throw new AppError('CLI_USAGE', { reason: `${dir} is no folder.` });
  }
  if (new Set(sources.map(({ name }) => name)).size < sources.length) {
    const reason = 'Two of these folders have the same name: make a backup of each.';
    throw new AppError('CLI_USAGE', { reason });
  }
  return sources;
}

/** Whether an entry at the top of a data folder is a part of the chain or a vote. */
export function isOfChain(dir: string, name: string): boolean {
  const isNode = existsSync(join(dir, 'blocks.log')) || existsSync(join(dir, 'journal-0'));
  return isNode && ofNode.test(name);
}
