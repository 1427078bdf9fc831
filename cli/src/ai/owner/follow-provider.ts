/** Keeps the owner's screen true: asks the daemon every second, and for the statement every five. */
import { asAppError } from '@aitbc/protocol';
import type { ProviderClient } from '@aitbc/sdk';
import { pause } from '../../chain/await-final.ts';
import type { OwnerView, Statement, Status } from './owner-screen.ts';

const statusEveryMs = 1_000;
const statementEveryMs = 5_000;
/** Seconds of the curve. */
const speedsMax = 120;

/** What following needs. */
export interface FollowOptions {
  readonly client: ProviderClient;
  readonly signal: AbortSignal;
  readonly nowMs: () => number;
  /** Newest reasons why jobs went to others; nothing when they cannot be had. */
  readonly losses?: () => Promise<readonly string[]>;
  onView(view: OwnerView): void;
}

interface Look {
  readonly status: Status;
  readonly atMs: number;
}

/** Follows until the signal aborts. Never throws. */
export async function followProvider(options: FollowOptions): Promise<void> {
  const { signal } = options;
  const look = createLook(options);
  while (!signal.aborted) {
    let trouble: string | undefined;
    try {
      await look.next();
    } catch (error) {
      const known = asAppError(error);
      if (known.code === 'CANCELLED') return;
      trouble = known.message;
    }
    const view = look.view();
    if (view) options.onView({ ...view, trouble });
    await pause(statusEveryMs, signal).catch(() => {}); // only an abort ends it early
  }
}

/** What was seen so far; `next` asks once. */
function createLook({ client, signal, nowMs, losses: readLosses }: FollowOptions) {
  const startedAtMs = nowMs();
  const speeds: number[] = [];
  let before: Look | undefined;
  let statement: Statement | undefined;
  let losses: readonly string[] = [];
  let statementAtMs = Number.NEGATIVE_INFINITY;
  let busyAtMs = startedAtMs;
  return {
    async next(): Promise<void> {
      const look = { status: await client.status({}, { signal }), atMs: nowMs() };
      speeds.push(before ? speedOf(before, look) : 0);
      speeds.splice(0, speeds.length - speedsMax);
      if (hasWorked(before, look)) busyAtMs = look.atMs;
      before = look;
      if (look.atMs - statementAtMs < statementEveryMs) return;
      statement = await client.earnings({ days: 1 }, { signal });
      statementAtMs = look.atMs;
      losses = (await readLosses?.()) ?? [];
    },
    view() {
      if (!before) return undefined;
      const times = { upMs: nowMs() - startedAtMs, idleMs: nowMs() - busyAtMs };
      return { ...times, status: before.status, speeds, statement, losses };
    },
  };
}

/** True when a job runs, or began and ended since the last look. */
function hasWorked(before: Look | undefined, { status }: Look): boolean {
  return status.running > 0 || (before !== undefined && status.jobs > before.status.jobs);
}

function speedOf(before: Look, now: Look): number {
  const tokens = Math.max(0, now.status.engineTokens - before.status.engineTokens);
  return (tokens * 1_000) / Math.max(1, now.atMs - before.atMs);
}
