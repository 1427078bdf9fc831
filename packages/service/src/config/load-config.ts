/** Reads the settings of a daemon from its four sources; the rules stand in config.ts. */
import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { AppError } from '@aitbc/protocol';
import { parse as parseToml, TomlError } from 'smol-toml';
import { type ConfigTable, flagOf, helpText, type Settings, type ValuesOf } from './config.ts';
import { nearestName } from './nearest-name.ts';
import { parseValue, type SettingValue, type Source } from './parse-value.ts';

/** Where settings may come from. */
export interface ConfigSources {
  /** Arguments after the program's name. */
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  /** TOML file that is read when neither `--config` nor AITBC_CONFIG names one. */
  readonly file?: string;
}

/** Either the settings, or a text the user asked for (`--help`, `--version`). */
export type ConfigResult<S extends Settings> =
  | { readonly kind: 'values'; readonly values: ValuesOf<S>; readonly file: string | undefined }
  | { readonly kind: 'text'; readonly text: string };

type Found = Map<string, SettingValue>;
const fileSuffix = 'File';

/** Reads all sources; `file` is the settings file, if there is one. Throws AppError CONFIG_INVALID or CONFIG_UNKNOWN_KEY. */
export function readConfig<S extends Settings>(
  table: ConfigTable<S>,
  sources: ConfigSources,
): ConfigResult<S> {
  const flags = splitFlags(table, sources.argv);
  if (flags.has('help')) return { kind: 'text', text: helpText(table) };
  if (flags.has('version')) return { kind: 'text', text: `${table.version}\n` };
  const file = (flags.get('config') ?? sources.env.AITBC_CONFIG ?? sources.file) || undefined;
  flags.delete('config');
  const found: Found = new Map([
    ...defaultsOf(table),
    ...(file ? valuesOfFile(table, String(file)) : []),
    ...valuesOfEnvironment(table, sources.env),
    ...valuesOfFlags(table, flags),
  ]);
  const values = Object.keys(table.settings).map((key) => [key, found.get(key)]);
  return {
    ...{ kind: 'values', values: Object.fromEntries(values) as ValuesOf<S> },
    file: file === undefined ? undefined : String(file),
  };
}

/** The settings only; asking for help here is an error. Throws as `readConfig`. */
export function loadConfig<S extends Settings>(
  table: ConfigTable<S>,
  sources: ConfigSources,
): ValuesOf<S> {
  const result = readConfig(table, sources);
  if (result.kind === 'values') return result.values;
  throw invalid('--help and --version stand alone');
}

function invalid(reason: string, cause?: unknown): AppError {
  return new AppError('CONFIG_INVALID', { reason }, { cause });
}

function unknownKey(table: ConfigTable, key: string, asFlag: boolean): AppError {
  const keys = Object.entries(table.settings).map(([name, { secret }]) =>
    secret ? `${name}${fileSuffix}` : name,
  );
  const nearest = nearestName(key, [...keys, 'config']);
  return new AppError('CONFIG_UNKNOWN_KEY', {
    key: asFlag ? `--${key}` : key,
    nearest: asFlag ? `--${flagOf(nearest)}` : nearest,
  });
}

function* defaultsOf(table: ConfigTable): Generator<[string, SettingValue]> {
  const source: Source = { label: 'the default', folder: process.cwd() };
  for (const [key, setting] of Object.entries(table.settings)) {
    if (setting.default !== undefined) {
      yield [key, parseValue(setting, setting.default, { ...source, label: `default of ${key}` })];
    }
  }
}

type FlagValues = Map<string, string | boolean>;

/** Flags by name, without dashes: text, or true/false for switches. */
function splitFlags(table: ConfigTable, argv: readonly string[]): FlagValues {
  const flags: FlagValues = new Map();
  const rest = [...argv];
  while (rest.length > 0) {
    const [name, value] = takeFlag(rest, table);
    if (flags.has(name)) throw invalid(`--${name} is given twice`);
    flags.set(name, value);
  }
  return flags;
}

/** Takes one flag, and its value where it has one, from the head of the arguments. */
function takeFlag(rest: string[], table: ConfigTable): [string, string | boolean] {
  const argument = rest.shift() ?? '';
  const match = /^--([a-z][a-z0-9-]*)(?:=([\s\S]*))?$/.exec(argument);
  if (!match) throw invalid(`"${argument.slice(0, 80)}" is not a flag; write --name value`);
  const [, name = '', value] = match;
  if (value === undefined && name.startsWith('no-') && isSwitch(table, name.slice(3))) {
    return [name.slice(3), false];
  }
  assertKnownFlag(table, name);
  if (value !== undefined) return [name, value];
  if (isSwitch(table, name)) return [name, true];
  const next = rest.shift();
  if (next === undefined) throw invalid(`--${name} needs a value`);
  return [name, next];
}

function isSwitch(table: ConfigTable, name: string): boolean {
  if (name === 'help' || name === 'version') return true;
  const [key = '', isFile] = settingOfFlag(table, name) ?? [];
  return !isFile && table.settings[key]?.type === 'boolean';
}

function assertKnownFlag(table: ConfigTable, name: string): void {
  if (name === 'config' || isSwitch(table, name) || settingOfFlag(table, name)) return;
  if (table.settings[camelOf(name)]?.secret) {
    throw invalid(`--${name} is a secret and must not stand in a command; use --${name}-file`);
  }
  throw unknownKey(table, name, true);
}

function settingOfFlag(table: ConfigTable, name: string): [string, boolean] | undefined {
  for (const [key, { secret }] of Object.entries(table.settings)) {
    if (!secret && flagOf(key) === name) return [key, false];
    if (secret && `${flagOf(key)}-file` === name) return [key, true];
  }
  return undefined;
}

function* valuesOfFlags(
  table: ConfigTable,
  flags: ReadonlyMap<string, string | boolean>,
): Generator<[string, SettingValue]> {
  const folder = process.cwd();
  for (const [name, raw] of flags) {
    const [key, isFile] = settingOfFlag(table, name) ?? ['', false];
    const source = { label: `--${name}`, folder };
    yield [key, readValue(table, { key, raw, isFile, source })];
  }
}

function camelOf(flag: string): string {
  return flag.replace(/-([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
}

function* valuesOfEnvironment(
  table: ConfigTable,
  env: ConfigSources['env'],
): Generator<[string, SettingValue]> {
  const folder = process.cwd();
  for (const [key, setting] of Object.entries(table.settings)) {
    const raw = env[setting.env];
    const path = setting.secret ? env[`${setting.env}_FILE`] : undefined;
    if (raw && path) throw invalid(`${setting.env} and ${setting.env}_FILE are both set`);
    // An empty variable counts as unset: that is how a compose file or a unit leaves one out.
    if (raw) {
      const source = { label: setting.env, folder };
      yield [key, readValue(table, { key, raw, isFile: false, source })];
    } else if (path) {
      const source = { label: `${setting.env}_FILE`, folder };
      yield [key, readValue(table, { key, raw: path, isFile: true, source })];
    }
  }
}

function* valuesOfFile(table: ConfigTable, path: string): Generator<[string, SettingValue]> {
  const full = resolve(path);
  const seen = new Set<string>();
  for (const [name, raw] of Object.entries(readToml(full))) {
    const plain = name.endsWith(fileSuffix) ? name.slice(0, -fileSuffix.length) : name;
    const isFile = plain !== name && table.settings[plain]?.secret === true;
    const key = isFile ? plain : name;
    if (!Object.hasOwn(table.settings, key)) throw unknownKey(table, name, false);
    if (seen.has(key)) throw invalid(`${key} is given twice in ${full}`);
    seen.add(key);
    const source = { label: `${name} in ${full}`, folder: dirname(full) };
    yield [key, readValue(table, { key, raw, isFile, source })];
  }
}

function readToml(path: string): Record<string, unknown> {
  try {
    return parseToml(readFileSync(path, 'utf8'));
  } catch (error) {
    const reason = error instanceof TomlError ? error.message.split('\n')[0] : String(error);
    throw invalid(`the file ${path} cannot be read: ${reason}`, error);
  }
}

interface RawValue {
  readonly key: string;
  readonly raw: unknown;
  /** The value is the path of a file that holds the secret. */
  readonly isFile: boolean;
  readonly source: Source;
}

function readValue(table: ConfigTable, { key, raw, isFile, source }: RawValue): SettingValue {
  const setting = table.settings[key];
  if (!setting) throw unknownKey(table, key, false);
  if (!isFile) return parseValue(setting, raw, source);
  const path = String(parseValue({ ...setting, type: 'path', secret: false }, raw, source));
  try {
    const text = readFileSync(path, 'utf8').replace(/\r?\n$/, '');
    return parseValue(setting, text, source);
  } catch (error) {
    if (error instanceof AppError) throw error;
    throw invalid(`${source.label} names ${path}, which cannot be read`, error);
  }
}
