/** Faults in words. */
import type { Fault } from '../contract.ts';

/** Such as `kill -9 of node-2 and gateway`. */
export function faultText({ kind, target, ms = 0 }: Fault): string {
  const who = target.join(' and ');
  switch (kind) {
    case 'kill':
      return `kill -9 of ${who}`;
    case 'pause':
      return `${who} stands still`;
    case 'partition':
      return `${who} cut off`;
    case 'latency':
      return `lines of ${who} slow by ${ms} ms`;
    case 'clockSkew':
      return `clock of ${who} ${ms > 0 ? 'ahead' : 'behind'} by ${Math.abs(ms)} ms`;
    case 'fullDisk':
      return `disk of ${who} full`;
    case 'redisLoss':
      return 'the message broker is gone';
    case 'coordinatorLoss':
      return `no coordinator (${who})`;
  }
}

/** `1.5 s`. */
export function secondsText(ms: number): string {
  return `${(ms / 1_000).toFixed(1)} s`;
}
