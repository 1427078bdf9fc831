/** Wrong clocks: which daemons get one, and what it says. */
import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Plan } from '../contract.ts';

/** Whether the plan turns the clock of this daemon. */
export function hasTurnedClock({ faults }: Plan, name: string): boolean {
  return faults.some(({ kind, target }) => kind === 'clockSkew' && target.includes(name));
}

/** File that a daemon's clock follows. */
export function clockFileOf(home: string, name: string): string {
  return join(home, 'clocks', name);
}

/** From now on the daemon's clock is so far ahead, or behind when negative. */
export function setClock(home: string, name: string, offsetMs: number): void {
  const file = clockFileOf(home, name);
  mkdirSync(join(home, 'clocks'), { recursive: true });
  writeFileSync(`${file}.new`, `${offsetMs}\n`);
  renameSync(`${file}.new`, file);
}
