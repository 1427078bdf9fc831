/** What holds now, setting by setting, and why. */
import type { Context } from '../context/context.ts';
import { variableText } from './config-file.ts';
import { type Setting, type SettingName, settings } from './settings.ts';

/** Which of the sources gave a value. */
export type Source = 'flag' | 'variable' | 'config' | 'devnet' | 'standard' | 'unset';

/** A setting as it holds now. */
export interface Origin {
  readonly name: SettingName;
  /** null when it is not set. */
  readonly value: string | null;
  readonly source: Source;
}

type Place = Pick<Context, 'configured' | 'devnet' | 'home' | 'urls'>;

/** All settings in the order of the table. */
export function originsOf(place: Place): Origin[] {
  return (Object.keys(settings) as SettingName[]).map((name) => originOf(place, name));
}

/** One setting. */
export function originOf(place: Place, name: SettingName): Origin {
  const { config, env, flags } = place.configured;
  const setting: Setting = settings[name];
  const typed = flagValue(setting, flags);
  if (typed !== undefined) return { name, value: typed, source: 'flag' };
  const variable = env[setting.env];
  if (variable) return { name, value: isSwitch(setting) ? 'true' : variable, source: 'variable' };
  const own = config.values[name];
  if (own !== undefined) return { name, value: shown(setting, own, config.file), source: 'config' };
  return unsetOrigin(place, name);
}

function shown(setting: Setting, value: string, file: string): string {
  return isSwitch(setting) ? value : (variableText(setting, value, file) ?? value);
}

function isSwitch({ kind }: Setting): boolean {
  return kind === 'switch';
}

function flagValue(setting: Setting, flags: Place['configured']['flags']): string | undefined {
  if (setting.flag === undefined) return undefined;
  const key = setting.flag
    .slice(2)
    .replace(/-(.)/g, (_all, letter: string) => letter.toUpperCase());
  const value = (flags as Readonly<Record<string, string | boolean | undefined>>)[key];
  return value === true ? 'true' : value || undefined;
}

/** Nobody said anything: the devnet of this home, then what is usual. */
function unsetOrigin({ devnet, home, urls }: Place, name: SettingName): Origin {
  const source: Source = devnet === undefined ? 'standard' : 'devnet';
  const daemon = /^(\w+)-url$/.exec(name)?.[1];
  if (daemon !== undefined) return { name, value: urls[daemon as keyof typeof urls], source };
  if (name === 'home') return { name, value: home, source: 'standard' };
  if (name === 'account' && devnet) return { name, value: devnet.account, source: 'devnet' };
  if (name === 'wallet-token-file' && devnet) {
    return { name, value: devnet.walletTokenFile, source: 'devnet' };
  }
  return { name, value: null, source: 'unset' };
}
