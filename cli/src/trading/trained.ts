/** Parameters of a strategy for a model: what was typed, else what training found, else the usual ones. */
import { join } from 'node:path';
import { type Parameters, parametersOf, type Strategy } from '@aitbc/market';
import { AppError } from '@aitbc/protocol';
import type { Context } from '../context/context.ts';
import {
  bigintsOf,
  fileNameOf,
  readDocument,
  tradingDir,
  writeDocument,
} from './trading-folder.ts';

/** What training found. */
export interface Trained {
  readonly strategy: string;
  readonly model: string;
  readonly parameters: Parameters;
  /** Profit in the window it was fitted on, and that of the usual parameters, nait. Not to be expected again. */
  readonly scoreNait: bigint;
  readonly usualScoreNait: bigint;
  readonly fromMs: number;
  readonly untilMs: number;
  readonly barMs: number;
  readonly tapeHash: string;
}

function fileOf(context: Pick<Context, 'home'>, strategy: string, model: string): string {
  return join(tradingDir(context, 'trained'), fileNameOf(strategy, model));
}

/** Keeps what training found. */
export function saveTrained(context: Pick<Context, 'home'>, trained: Trained): void {
  writeDocument(fileOf(context, trained.strategy, trained.model), trained);
}

/** Parameters, and where they come from. */
export interface Chosen {
  readonly parameters: Parameters;
  readonly source: 'typed' | 'trained' | 'usual';
}

/** Throws CLI_USAGE or BAD_REQUEST for typed parameters that the strategy does not have. */
export function chooseParameters(
  context: Pick<Context, 'home'>,
  { name, parameters }: Strategy,
  { model, typed }: { readonly model: string; readonly typed: Parameters | undefined },
): Chosen {
  if (typed) return { parameters: parametersOf(parameters, typed), source: 'typed' };
  const found = readDocument(fileOf(context, name, model)) as
    | { readonly parameters: Record<string, string> }
    | undefined;
  if (!found) return { parameters: parametersOf(parameters), source: 'usual' };
  return { parameters: parametersOf(parameters, bigintsOf(found.parameters)), source: 'trained' };
}

/** `byBps=500,floorBps=0`. Throws CLI_USAGE. */
export function parametersFromText(text: string, flag: string): Parameters {
  const pairs = text.split(',').map((pair) => {
    const match = /^\s*([a-zA-Z][a-zA-Z0-9]*)=([0-9]+)\s*$/.exec(pair);
    if (match) return [match[1], BigInt(match[2] ?? '')] as const;
    const reason = `${flag} ${text}: write it like name=500,other=20.`;
    throw new AppError('CLI_USAGE', { reason });
  });
  return Object.fromEntries(pairs) as Parameters;
}
