import type { gatewayEndpoints, OutputOf } from '@aitbc/protocol';
import { aitText } from '../amounts.ts';
import { latencyText, shortAddress } from '../wording.ts';

/** A request of the gateway's log. */
export type LoggedJob = OutputOf<typeof gatewayEndpoints.log>['jobs'][number];

export const jobHead = [
  'time',
  'key',
  'model',
  'how it ended',
  'tokens',
  'first',
  'cost',
  'providers',
];
export const jobRight = [4, 5, 6];

/** A row of the log. */
export function jobRow(job: LoggedJob): string[] {
  const { key, model, promptTokens, outputTokens, firstTokenMs, charged, parts } = job;
  return [
    timeText(job.atMs),
    key ?? '–',
    model,
    job.state === 'running' ? 'running' : job.outcome,
    `${promptTokens} + ${outputTokens}`,
    firstTokenMs === null ? '–' : latencyText(firstTokenMs),
    aitText(charged),
    parts.map(({ provider }) => shortAddress(provider)).join(' → '),
  ];
}

/** The same as one line, for a log that goes on. */
export function jobLine(job: LoggedJob): string {
  const [time, key, ...rest] = jobRow(job);
  return [time, ...(job.key === null ? [] : [key]), ...rest].join('  ');
}

/** `2026-03-01 12:30:05`, in local time. */
function timeText(atMs: number): string {
  const date = new Date(atMs);
  const two = (value: number) => String(value).padStart(2, '0');
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return `${day} ${[date.getHours(), date.getMinutes(), date.getSeconds()].map(two).join(':')}`;
}
