import type { WholeBug } from '../whole/life.ts';
const noBug: WholeBug = { what: 'nothing is planted' };
const bugs: Readonly<Record<string, WholeBug>> = {};
export const wholeBugNames: readonly string[] = Object.keys(bugs);
export function wholeBug(name: string | undefined): WholeBug {
  return (name === undefined ? undefined : bugs[name]) ?? noBug;
}
