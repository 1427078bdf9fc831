/** The steps that write: home folder, genesis document, settings. What is there is never written over. */
import { chmodSync, copyFileSync, existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { AppError, networkFromGenesis } from '@aitbc/protocol';
import { readGenesisFile } from '../chain/genesis-file.ts';
import { setValue } from '../config/config-file.ts';
import type { SettingName } from '../config/settings.ts';
import type { Context } from '../context/context.ts';
import { shortHash } from '../wording.ts';
import type { InitPlan, Step } from './types.ts';

const privateMode = 0o700;

/** The home folder, for this user alone. */
export function prepareHome({ home }: Context): Step {
  if (existsSync(home)) return { id: 'home', state: 'kept', text: `home folder ${home}` };
  mkdirSync(home, { recursive: true, mode: privateMode });
  chmodSync(home, privateMode);
  return { id: 'home', state: 'done', text: `home folder ${home}, for you alone` };
}

/** Keeps the genesis document, from which all trust comes. Throws CLI_USAGE when the home has another one. */
export function keepGenesis({ home }: Context, { genesisFile }: InitPlan): Step {
  const kept = join(home, 'chain', 'genesis.json');
  if (genesisFile === undefined) {
    return existsSync(kept)
      ? { id: 'genesis', state: 'kept', text: `genesis document ${kept}` }
      : { id: 'genesis', state: 'left', text: 'no genesis document was named' };
  }
  const { genesisHash } = networkFromGenesis(readGenesisFile(genesisFile));
  if (!existsSync(kept)) {
    mkdirSync(join(home, 'chain'), { recursive: true, mode: privateMode });
    copyFileSync(genesisFile, kept);
    return {
      id: 'genesis',
      state: 'done',
      text: `genesis document ${shortHash(genesisHash)} is kept`,
    };
  }
  if (networkFromGenesis(readGenesisFile(kept)).genesisHash === genesisHash) {
    return { id: 'genesis', state: 'kept', text: `genesis document ${shortHash(genesisHash)}` };
  }
  const reason = `${kept} is of another network than ${genesisFile}. Choose another --home for this one.`;
  throw new AppError('CLI_USAGE', { reason });
}

/** Writes what was said to the configuration file, where it says something else or nothing. */
export function writeSettings(
  { configured: { config } }: Context,
  wanted: Readonly<Partial<Record<SettingName, string>>>,
): Step {
  if (config.fault) throw config.fault;
  const changed = Object.entries(wanted).filter(
    ([name, value]) => config.values[name as SettingName] !== value,
  );
  for (const [name, value] of changed) setValue(config.file, name as SettingName, value);
  const names = changed.map(([name]) => name).join(', ');
  if (changed.length > 0) {
    return { id: 'settings', state: 'done', text: `${names} written to ${config.file}` };
  }
  const isThere = existsSync(config.file);
  return isThere
    ? { id: 'settings', state: 'kept', text: `settings in ${config.file}` }
    : { id: 'settings', state: 'left', text: 'nothing to be set: the devnet of the home is found' };
}
