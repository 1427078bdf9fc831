/**
 * `config.toml`: where it is, what it says, how it is changed. With `--home` or AITBC_HOME it lies in that folder, so
 * that a home brings its own; else it is `~/.config/aitbc/config.toml`.
 */
import { mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { AppError } from '@aitbc/protocol/errors';
import { nearestWord } from '../command/nearest-word.ts';
import { fileFault } from '../context/read-text-file.ts';
import { isSettingName, type Setting, type SettingName, settings, valueFault } from './settings.ts';
import { readLines, type TomlLine, textOf, withSetting } from './toml-lines.ts';

const fileMaxBytes = 65_536;

type Variables = Readonly<Record<string, string | undefined>>;

/** The values of a file, and whether all of it could be read. */
export interface Config {
  readonly file: string;
  readonly values: Readonly<Partial<Record<SettingName, string>>>;
  /** CONFIG_INVALID or CONFIG_UNKNOWN_KEY; then there are no values. */
  readonly fault: AppError | undefined;
}

/** The configuration folder of this user. */
export function configDir(env: Variables, userHome: string): string {
  return join(env.XDG_CONFIG_HOME || join(userHome, '.config'), 'aitbc');
}

/** Reads a file; a missing one has no values. Never throws. */
export function readConfig(file: string): Config {
  try {
    const entries = linesOf(file).flatMap((line) => {
      if (line.name === undefined || line.value === undefined) return [];
      const name = settingNamed(line.name);
      const fault = valueFault(name, line.value);
      if (fault !== undefined) throw invalid(file, fault);
      return [[name, line.value] as const];
    });
    return { file, values: Object.fromEntries(entries), fault: undefined };
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    return { file, values: {}, fault: error };
  }
}

/** The name as it is. Throws CONFIG_UNKNOWN_KEY with the nearest one. */
export function settingNamed(name: string): SettingName {
  if (isSettingName(name)) return name;
  const nearest = nearestWord(name, Object.keys(settings)) ?? 'node-url';
  throw new AppError('CONFIG_UNKNOWN_KEY', { key: name, nearest });
}

function linesOf(file: string): readonly TomlLine[] {
  const text = readIfThere(file);
  const lines = readLines(text);
  if ('fault' in lines) throw invalid(file, lines.fault);
  return text === '' ? [] : lines;
}

function readIfThere(file: string): string {
  try {
    const { size } = statSync(file);
    if (size > fileMaxBytes) throw invalid(file, `it is larger than ${fileMaxBytes} bytes`);
    return readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return '';
    if (error instanceof AppError) throw error;
    throw invalid(file, fileFault(error));
  }
}

function invalid(file: string, reason: string): AppError {
  return new AppError('CONFIG_INVALID', { reason: `${file}: ${reason}` });
}

/** Writes one value. Throws CONFIG_INVALID for a value or a file that is wrong. */
export function setValue(file: string, name: SettingName, value: string): void {
  const fault = valueFault(name, value);
  if (fault !== undefined) throw new AppError('CONFIG_INVALID', { reason: fault });
  const { kind } = settings[name] as Setting;
  write(file, withSetting(linesOf(file), name, { value, isBare: kind === 'switch' }));
}

/** Removes a value, also one that is no setting; false when it was not there. */
export function unsetValue(file: string, name: string): boolean {
  const lines = linesOf(file);
  const kept = lines.filter((line) => line.name !== name);
  if (kept.length < lines.length) write(file, kept);
  return kept.length < lines.length;
}

/** Whole or not at all: a crash must not leave half a file. */
function write(file: string, lines: readonly TomlLine[]): void {
  const draft = `${file}.${process.pid}`;
  try {
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
    writeFileSync(draft, textOf(lines), { mode: 0o600 });
    renameSync(draft, file);
  } catch (error) {
    throw invalid(file, `it cannot be written: ${fileFault(error)}`);
  }
}

/** The environment with the values of the file behind its own. */
export function withConfig(env: Variables, { file, values }: Config): Variables {
  const added = Object.entries(values).flatMap(([name, value]) => {
    const setting: Setting = settings[name as SettingName];
    const text = variableText(setting, value, file);
    return text === undefined || env[setting.env] ? [] : [[setting.env, text] as const];
  });
  return added.length === 0 ? env : { ...env, ...Object.fromEntries(added) };
}

/** What a value would be as a variable: paths absolute, a switch that is off as none. */
export function variableText({ kind }: Setting, value: string, file: string): string | undefined {
  if (kind === 'path') return resolve(dirname(file), value);
  if (kind === 'switch') return value === 'true' ? '1' : undefined;
  return value;
}
