/** The command line of the simulator. */
import { parseArgs } from 'node:util';
import { agreementLevel } from './agreement/level.ts';
import type { CampaignOptions } from './campaign/campaign.ts';
import type { Level } from './campaign/outcome.ts';
import { faultKinds } from './faults/plan.ts';
import { marketLevel } from './market/level.ts';
import { wholeLevel } from './whole/level.ts';

export const helpText = `Deterministic simulation of chain and market: seeds decide faults, liars and every delay.

  npm run sim -- [options]

  --seed N        first seed (default 1); alone it runs that seed only
  --seeds K       how many seeds (default 50)
  --views M       about how many views each seed lasts (default 200)
  --nodes N       validators, 4 to 31 (default 4); at level market the node, providers and buyers (7)
  --level NAME    agreement: the core over a toy ledger; whole: the whole replica; market: who trades
  --faults LIST   only these faults and roles, comma-separated; "none" for a run without any
  --planted BUG   plant a fault in the code under test; the run passes when it is found
  --keep LIST     only these elements of the seed's plan; "none" for no element
  --until MS      faults end at this virtual time
  --trace         print the last events of the node that broke a promise
  --json          print the report as JSON
  --help          this text and all names`;

/** What the command line asks for. */
export interface Options extends Omit<CampaignOptions, 'cpuSeconds' | 'onSeed'> {
  readonly json: boolean;
  readonly trace: boolean;
  readonly help: boolean;
}

const levels: readonly Level[] = [agreementLevel, wholeLevel, marketLevel];

/** A mistake on the command line; its message says what is wrong. */
export class UsageError extends Error {}

/** Options of the arguments; throws UsageError. */
export function optionsOf(args: readonly string[]): Options {
  const values = parse(args);
  const name = values.level ?? 'agreement';
  const level = levels.find((one) => one.name === name);
  if (!level) throw new UsageError(`--level is one of ${levels.map((one) => one.name).join(', ')}`);
  const seeds = values.seed === undefined ? '50' : '1';
  return {
    level,
    seed: wholeNumber('seed', values.seed ?? '1', 2 ** 48),
    seeds: wholeNumber('seeds', values.seeds ?? seeds, 1e9),
    views: wholeNumber('views', values.views ?? '200', 1e7),
    nodes: wholeNumber('nodes', values.nodes ?? `${level.nodes}`, 31),
    failuresMax: 3,
    ...narrowedBy(values, level),
    json: values.json ?? false,
    trace: values.trace ?? false,
    help: values.help ?? false,
  };
}

type Values = ReturnType<typeof parse>;

/** The options that make a run smaller, or plant something. */
function narrowedBy({ planted, faults, keep, until }: Values, level: Level) {
  if (planted !== undefined && !level.bugs.includes(planted)) {
    throw new UsageError(`--planted is one of ${level.bugs.join(', ')}`);
  }
  const only = namesOf(faults, [...faultKinds, ...level.roles]);
  return {
    ...(only && { only }),
    ...(planted !== undefined && { bug: planted }),
    ...(keep !== undefined && { keep: listOf(keep).map(Number) }),
    ...(until !== undefined && { untilUs: wholeNumber('until', until, 1e12) * 1000 }),
  };
}

/** The help with the names that options take. */
export function fullHelp(): string {
  const names = levels.flatMap((level) => [
    `level ${level.name}`,
    `  faults  ${level.kinds.join(' ')}`,
    `  roles   ${level.roles.join(' ')}`,
    `  bugs    ${level.bugs.join(' ')}`,
  ]);
  return [helpText, '', ...names].join('\n');
}

function parse(args: readonly string[]) {
  const text = { type: 'string' } as const;
  const flag = { type: 'boolean' } as const;
  try {
    return parseArgs({
      args: [...args],
      options: {
        seed: text,
        seeds: text,
        views: text,
        nodes: text,
        level: text,
        faults: text,
        planted: text,
        keep: text,
        until: text,
        trace: flag,
        json: flag,
        help: flag,
      },
    }).values;
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

function wholeNumber(name: string, text: string, max: number): number {
  const value = Number(text);
  if (Number.isSafeInteger(value) && value >= 1 && value <= max) return value;
  throw new UsageError(`--${name} is a whole number from 1 to ${max}, not "${text}"`);
}

function listOf(text: string): string[] {
  return text === 'none' ? [] : text.split(',');
}

function namesOf(text: string | undefined, known: readonly string[]): string[] | undefined {
  if (text === undefined) return undefined;
  const names = listOf(text);
  const strange = names.find((name) => !known.includes(name));
  if (strange === undefined) return names;
  throw new UsageError(`--faults knows no "${strange}"; it knows ${known.join(', ')}`);
}
