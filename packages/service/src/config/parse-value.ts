/** One value of a setting from text (flags, environment) or from TOML, checked by its row. */
import { homedir } from 'node:os';
import { isAbsolute, resolve } from 'node:path';
import { AppError } from '@aitbc/protocol';
import type { Setting } from './config.ts';

/** Where a value stands: named in errors; relative paths start at `folder`. */
export interface Source {
  readonly label: string;
  readonly folder: string;
}

/** A value of any setting. */
export type SettingValue = string | number | boolean | readonly string[];

/** The typed value. Throws AppError CONFIG_INVALID; a secret is never quoted in it. */
export function parseValue(setting: Setting, raw: unknown, source: Source): SettingValue {
  const wrong = (expected: string): AppError => {
    const got = setting.secret ? 'something else' : JSON.stringify(raw)?.slice(0, 80);
    return new AppError('CONFIG_INVALID', {
      reason: `${source.label} must be ${expected}, not ${got}`,
    });
  };
  switch (setting.type) {
    case 'boolean':
      return parseBoolean(raw, wrong);
    case 'number':
    case 'integer':
      return parseNumber(setting, raw, wrong);
    case 'list':
      return parseList(raw, wrong);
    case 'path':
      return parsePath(raw, source.folder, wrong);
    case 'string':
      return parseString(setting, raw, wrong);
  }
}

type Wrong = (expected: string) => AppError;

function parseBoolean(raw: unknown, wrong: Wrong): boolean {
  if (raw === true || raw === 'true' || raw === '1') return true;
  if (raw === false || raw === 'false' || raw === '0') return false;
  throw wrong('true or false');
}

function parseNumber(setting: Setting, raw: unknown, wrong: Wrong): number {
  const whole = setting.type === 'integer';
  const text = typeof raw === 'number' ? String(raw) : raw;
  const value =
    typeof text === 'string' && /^-?\d+(\.\d+)?(e[+-]?\d+)?$/i.test(text)
      ? Number(text)
      : Number.NaN;
  const fits = whole ? Number.isSafeInteger(value) : Number.isFinite(value);
  if (!fits) throw wrong(whole ? 'a whole number' : 'a number');
  if (setting.min !== undefined && value < setting.min) throw wrong(`at least ${setting.min}`);
  if (setting.max !== undefined && value > setting.max) throw wrong(`at most ${setting.max}`);
  return value;
}

function parseList(raw: unknown, wrong: Wrong): readonly string[] {
  const parts = typeof raw === 'string' ? raw.split(',') : raw;
  if (!Array.isArray(parts) || !parts.every((part) => typeof part === 'string')) {
    throw wrong('a list of texts');
  }
  return parts.map((part) => part.trim()).filter((part) => part !== '');
}

function parsePath(raw: unknown, folder: string, wrong: Wrong): string {
  if (typeof raw !== 'string' || raw === '') throw wrong('a path');
  if (raw === '~' || raw.startsWith('~/')) return resolve(homedir(), raw.slice(2));
  return isAbsolute(raw) ? raw : resolve(folder, raw);
}

function parseString(setting: Setting, raw: unknown, wrong: Wrong): string {
  if (typeof raw !== 'string') throw wrong('a text');
  if (setting.choices && !setting.choices.includes(raw)) {
    throw wrong(`one of ${setting.choices.join(', ')}`);
  }
  return raw;
}
