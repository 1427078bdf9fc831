/** What a changed settings file means for a daemon that runs. */
import type { ConfigTable, Settings, ValuesOf } from './config.ts';

/** The settings after a reload: what is live is new, everything else as the daemon was started with. */
export interface ChangedSettings<S extends Settings> {
  readonly values: ValuesOf<S>;
  /** Names of settings that were taken over. */
  readonly taken: readonly string[];
  /** Names of settings that differ and wait for a restart. */
  readonly waiting: readonly string[];
}

/** Compares what holds with what was read. */
export function changedSettings<S extends Settings>(
  table: ConfigTable<S>,
  present: ValuesOf<S>,
  read: ValuesOf<S>,
): ChangedSettings<S> {
  const isOther = (key: string): boolean =>
    JSON.stringify(present[key]) !== JSON.stringify(read[key]);
  const isLive = (key: string): boolean => table.settings[key]?.live === true;
  const changed = Object.keys(table.settings).filter(isOther);
  const taken = changed.filter(isLive);
  const values = { ...present, ...Object.fromEntries(taken.map((key) => [key, read[key]])) };
  return { values, taken, waiting: changed.filter((key) => !isLive(key)) };
}
