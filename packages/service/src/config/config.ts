/**
 * One table says everything about the settings of a daemon: name, variable, type, default, help.
 * Validation, `--help` and the printed configuration come from it; nothing else reads the environment.
 *
 * Sources, weakest first: default, TOML file (`--config` or AITBC_CONFIG), environment, flags. A name
 * that the table does not know is an error that names the nearest known one: a misspelt setting that is
 * silently ignored is how a limit gets lost. A setting marked `secret` has no flag, because other users
 * of a machine can read command lines; it comes from the environment or from a file named by
 * `…File` / `…_FILE` (systemd credentials, Docker secrets). See docs/adr, "Configuration".
 */

/** Kinds of values. A list is comma-separated text, or an array in TOML. A path becomes absolute. */
export type SettingType = 'string' | 'number' | 'integer' | 'boolean' | 'list' | 'path';

interface ValueOfType {
  string: string;
  number: number;
  integer: number;
  boolean: boolean;
  list: readonly string[];
  path: string;
}

/** One row of the table. A setting with default `undefined` may stay unset. */
export interface Setting {
  /** Environment variable, `AITBC_…`. */
  readonly env: string;
  readonly type: SettingType;
  readonly default: string | number | boolean | readonly string[] | undefined;
  readonly help: string;
  /** Masked when printed, and never taken from the command line. */
  readonly secret?: boolean;
  /** May change while the daemon runs: a reload takes it over. All others need a restart. */
  readonly live?: boolean;
  /** The only texts allowed, for `string`. */
  readonly choices?: readonly string[];
  /** Smallest and largest number allowed. */
  readonly min?: number;
  readonly max?: number;
}

/** Settings by name, camelCase. */
export type Settings = Readonly<Record<string, Setting>>;

type TypeOf<S extends Setting> = S['choices'] extends readonly (infer C)[]
  ? C
  : ValueOfType[S['type']];

/** Typed values of a table. */
export type ValuesOf<S extends Settings> = {
  readonly [K in keyof S]: undefined extends S[K]['default']
    ? TypeOf<S[K]> | undefined
    : TypeOf<S[K]>;
};

/** What every daemon understands besides its own settings. */
export const commonSettings = {
  logLevel: {
    env: 'AITBC_LOG_LEVEL',
    type: 'string',
    default: 'info',
    choices: ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'],
    live: true,
    help: 'least serious log line that is written',
  },
  exitWithParent: {
    env: 'AITBC_EXIT_WITH_PARENT',
    type: 'boolean',
    default: false,
    help: 'stop when the process that started this one goes away',
  },
} as const satisfies Settings;

/** A table with its daemon's name; the common settings are part of it. */
export interface ConfigTable<S extends Settings = Settings> {
  readonly name: string;
  readonly summary: string;
  readonly version: string;
  readonly settings: S;
}

/** Values of a table. */
export type ConfigOf<T extends ConfigTable> = ValuesOf<T['settings']>;

interface Definition<S extends Settings> {
  readonly name: string;
  readonly summary?: string;
  readonly version?: string;
  readonly settings: S;
}

/** Makes the table of a daemon: `defineConfig({name: 'wallet', settings: {port: {…}}})`. */
export function defineConfig<const S extends Settings>(
  definition: Definition<S>,
): ConfigTable<S & typeof commonSettings> {
  return {
    name: definition.name,
    summary: definition.summary ?? '',
    version: definition.version ?? '0.1.0',
    settings: { ...definition.settings, ...commonSettings },
  };
}

/** Flag of a setting: `dataDir` → `data-dir`. */
export function flagOf(key: string): string {
  return key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

/** The values with every secret masked: safe to log and to show. */
export function printableConfig<S extends Settings>(
  table: ConfigTable<S>,
  values: ValuesOf<S>,
): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(values).map(([key, value]) => {
      const hidden = table.settings[key]?.secret === true && value !== undefined;
      return [key, hidden ? '[secret]' : value];
    }),
  );
}

/** Text of `--help`. */
export function helpText(table: ConfigTable): string {
  const rows = Object.entries(table.settings).map(([key, setting]) => [
    flagTextOf(key, setting),
    helpOf(setting),
  ]);
  rows.push(['--config <path>', 'TOML file with settings by name [AITBC_CONFIG]']);
  rows.push(['--help', 'this text; (reload): SIGHUP takes it over'], ['--version', 'the version']);
  const width = Math.max(...rows.map(([flag]) => flag?.length ?? 0)) + 2;
  const lines = rows.map(([flag, help]) => `  ${(flag ?? '').padEnd(width)}${help}`);
  const head = `aitbc-${table.name} ${table.version}${table.summary ? `: ${table.summary}` : ''}`;
  return `${head}\n\nSettings (flag, then file < environment < flag wins):\n${lines.join('\n')}\n`;
}

function flagTextOf(key: string, setting: Setting): string {
  const flag = `--${flagOf(key)}`;
  if (setting.secret) return `${flag}-file <path>`;
  return setting.type === 'boolean' ? flag : `${flag} <${setting.type}>`;
}

function helpOf(setting: Setting): string {
  const parts = [setting.help];
  if (setting.choices) parts.push(`(${setting.choices.join(', ')})`);
  const value = Array.isArray(setting.default) ? setting.default.join(',') : setting.default;
  if (value !== undefined && value !== '' && !setting.secret) parts.push(`default ${value}`);
  if (setting.live) parts.push('(reload)');
  parts.push(setting.secret ? `[${setting.env}, ${setting.env}_FILE]` : `[${setting.env}]`);
  return parts.join(' ');
}
