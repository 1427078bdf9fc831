/**
 * Tells the coordinator how calls went, one at a time, in the background; a full queue forgets the oldest. Reports keep
 * a distance, so that a buyer with hundreds of calls a second spends little on them: what it tells then is a sample.
 */
import { asAppError, type coordinatorEndpoints, type InputOf } from '@aitbc/protocol';
import type { BuyerLog } from '../books/log.ts';
import { pause } from '../chain/pause.ts';
import type { CoordinatorClient } from '../http/clients.ts';

const queueMax = 256;
const distanceMs = 50;

/** A report of one finished call. */
export type JobReport = InputOf<typeof coordinatorEndpoints.report>;

/** Sends reports. */
export interface Reporter {
  add(report: JobReport): void;
}

/** A reporter to one coordinator; a report that fails is logged and dropped. */
export function createReporter(
  coordinator: Pick<CoordinatorClient, 'report'>,
  log: BuyerLog,
  signal: AbortSignal,
): Reporter {
  const queue: JobReport[] = [];
  let isRunning = false;
  const send = async (report: JobReport): Promise<void> => {
    try {
      await coordinator.report(report, { signal });
    } catch (error) {
      const { code } = asAppError(error);
      log.warn({ code, jobId: report.receipt.payload.jobId }, 'a report was not taken');
    }
  };
  const run = async (): Promise<void> => {
    for (let report = queue.shift(); report && !signal.aborted; report = queue.shift()) {
      await send(report);
      await pause(distanceMs, signal).catch(() => {}); // the buyer is being closed
    }
  };
  return {
    add(report) {
      queue.push(report);
      if (queue.length > queueMax) queue.shift();
      if (isRunning || signal.aborted) return;
      isRunning = true;
      void run().finally(() => {
        isRunning = false;
      });
    },
  };
}
