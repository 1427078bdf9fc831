/** Tells the coordinator how calls went, one at a time, in the background; a full queue forgets the oldest. */
import { asAppError, type coordinatorEndpoints, type InputOf } from '@aitbc/protocol';
import type { BuyerLog } from '../books/log.ts';
import type { CoordinatorClient } from '../http/clients.ts';

const queueMax = 256;

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
  const run = async (): Promise<void> => {
    for (let report = queue.shift(); report; report = queue.shift()) {
      try {
        await coordinator.report(report, { signal });
      } catch (error) {
        const { code } = asAppError(error);
        log.warn({ code, jobId: report.receipt.payload.jobId }, 'a report was not taken');
      }
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
