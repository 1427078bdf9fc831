/** Brings the record of a market up to date, and makes the tape of a model out of it. */
import { join } from 'node:path';
import { type Tape, tapeOf, type World, worldOf } from '@aitbc/market';
import { AppError, asAppError, type MarketEvent } from '@aitbc/protocol';
import type { Context } from '../context/context.ts';
import { openRecord, type RecordFile } from './record-file.ts';
import { documentsIn, tradingDir } from './trading-folder.ts';

const kinds: ReadonlySet<string> = new Set(['offer_up', 'offer_down', 'provider_out', 'receipt']);
const pagesAtOnce = 50;
/** What coordinators show is that old. */
const settledMs = 2_000;
const dayMs = 86_400_000;

/**
 * The record of the market that the coordinator serves. While that is away, the only record there is; with several
 * nobody could say which, and the error of the call is thrown.
 */
export async function openMarketRecord(context: Context): Promise<RecordFile> {
  const { out, clients, signal } = context;
  const { coordinator } = await clients();
  const fileOf = (name: string) => join(tradingDir(context, 'record'), `${name}.jsonl`);
  try {
    const { network, genesisHash } = await coordinator.about({}, { signal });
    return openRecord(fileOf(genesisHash.slice(0, 16)), network);
  } catch (error) {
    const known = asAppError(error);
    const [only, ...others] = documentsIn(tradingDir(context, 'record'));
    if (!known.row.retryable || only === undefined || others.length > 0) throw error;
    const record = openRecord(fileOf(only.replace(/\.json$/, '')), '');
    out.note(`${known.message} The record of ${record.head.network} is used.`);
    return record;
  }
}

/** Fetches what happened since; answers how many events were added. */
export async function recordEvents(context: Context, record: RecordFile): Promise<number> {
  const { out, signal } = context;
  const progress = out.progress('recording');
  let added = 0;
  try {
    await record.update(signal, async () => {
      const before = record.head.events;
      while (!(await recordSome(context, record))) {
        progress.update(`recording: ${record.head.events} events`);
      }
      added = record.head.events - before;
    });
  } finally {
    progress.done();
  }
  return added;
}

/** Adds some pages; true when there is nothing more. */
async function recordSome({ clients, signal }: Context, record: RecordFile): Promise<boolean> {
  const { coordinator } = await clients();
  const wanted: MarketEvent[] = [];
  let { after, untilMs } = record.head;
  let isDone = false;
  for (let page = 0; page < pagesAtOnce && !isDone; page += 1) {
    const askedMs = Date.now();
    const { events, next } = await coordinator.events({ after }, { signal });
    isDone = events.length === 0;
    untilMs = Math.max(untilMs, isDone ? askedMs - settledMs : (events.at(-1)?.atMs ?? 0));
    wanted.push(...events.filter(({ facts }) => kinds.has(facts.kind)));
    after = next;
  }
  record.append(wanted, { after, untilMs });
  return isDone;
}

/** What of a record is wanted. */
export interface TapeWish {
  readonly model: string;
  readonly days: number;
  readonly barMs: number;
  /** End of the tape; when left out, as far as the record goes. */
  readonly untilMs?: number | undefined;
}

/** True when anything of the model was recorded. */
export function hasModel(record: RecordFile, model: string): boolean {
  return record.events().some(({ facts }) => 'model' in facts && facts.model === model);
}

/** A market in which nothing has happened yet. */
export function emptyWorld({ head }: RecordFile, { model, barMs }: TapeWish): World {
  const { untilMs } = head;
  return worldOf({ model, fromMs: untilMs, untilMs, jobs: [], quotes: [] }, barMs);
}

/** The tape of a model in bars. Throws NOT_FOUND when nothing of the model was recorded. */
export function worldFrom(record: RecordFile, wish: TapeWish): World {
  const { model, days, barMs } = wish;
  const events = record.events();
  const first = events.find(({ facts }) => 'model' in facts && facts.model === model);
  if (!first) throw new AppError('NOT_FOUND', { what: `recorded event of the model ${model}` });
  const untilMs = Math.min(wish.untilMs ?? record.head.untilMs, record.head.untilMs);
  const fromMs = Math.max(first.atMs, untilMs - days * dayMs);
  const down = (ms: number) => Math.floor(ms / barMs) * barMs;
  const tape: Tape = tapeOf(events, { model, fromMs: down(fromMs), untilMs: down(untilMs) });
  return worldOf(tape, barMs);
}
