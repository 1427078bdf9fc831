/** SQL of the earnings statement: sums over ended jobs, and how the time of each day was used. Days are UTC. */
import type { IdleReason, OutputOf, providerOwnerEndpoints } from '@aitbc/protocol';
import type { Sqlite } from '@aitbc/service';

type Statement = OutputOf<typeof providerOwnerEndpoints.earnings>;

/** The queries. */
export interface EarningsStore {
  /** Jobs that ended at this time or later, by day and model, newest day first. */
  earnings(sinceMs: number): Statement['rows'];
  /** Adds time to a reason of a day. */
  addUse(day: string, reason: IdleReason, ms: number): void;
  /** Time by day and reason, newest day first. */
  use(sinceDay: string): Statement['use'];
}

interface EarningsRow {
  readonly day: string;
  readonly model: string;
  readonly jobs: number;
  readonly failed: number;
  readonly prompt: number;
  readonly output: number;
  readonly charged: string;
}

/** Amounts are summed as integers and handed on as text; a sum beyond 64 bits is an error of SQLite. */
const earningsSql = `
  select date(j.ended_ms / 1000, 'unixepoch') as day,
    json_extract(o.offer, '$.payload.model') as model,
    count(*) as jobs,
    sum(j.outcome = 'provider_error') as failed,
    sum(j.prompt_tokens) as prompt,
    sum(j.delivered - coalesce(j.resumed_from, 0)) as output,
    cast(sum(cast(j.charged as integer)) as text) as charged
  from jobs j join offers o on o.offer_id = j.offer_id
  where j.ended_ms >= ?
  group by day, model
  order by day desc, model`;

export function earningsQueries(sqlite: Sqlite): EarningsStore {
  const rows = sqlite.prepare<EarningsRow>(earningsSql);
  const add = sqlite.prepare(
    'insert into uses values (?, ?, ?) on conflict do update set ms = ms + excluded.ms',
  );
  const uses = sqlite.prepare<{ day: string; reason: IdleReason; ms: number }>(
    'select day, reason, ms from uses where day >= ? order by day desc, ms desc',
  );
  return {
    earnings: (sinceMs) => rows.all(sinceMs).map(shownOf),
    addUse: (day, reason, ms) => void add.run(day, reason, ms),
    use: (sinceDay) =>
      uses.all(sinceDay).map(({ day, reason, ms }) => ({ day, reason, ms: Number(ms) })),
  };
}

function shownOf({ day, model, jobs, failed, prompt, output, charged }: EarningsRow) {
  return {
    day,
    model,
    jobs: Number(jobs),
    failed: Number(failed),
    promptTokens: Number(prompt),
    outputTokens: Number(output),
    charged,
  };
}
