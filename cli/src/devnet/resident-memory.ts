/** How much memory processes hold, as the system counts it. */
import { readFileSync } from 'node:fs';

/** Resident memory of a process, bytes; undefined where the system does not tell (it is read from /proc). */
export function residentBytesOf(pid: number): number | undefined {
  try {
    const [, kibibytes] =
      /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
    return kibibytes === undefined ? undefined : Number(kibibytes) * 1_024;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
