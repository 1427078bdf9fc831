/** The last events before a promise broke, from a second run of the same plan with a recorder. */
import type { Plan } from '../faults/plan.ts';
import type { Level } from './outcome.ts';

const linesMax = 60;

/** The last lines of the node that the violation names, and of the faults; all nodes when it names none. */
export function traceOf(level: Level, plan: Plan, bug: string | undefined): string[] {
  const kept: { readonly endpoint: number; readonly line: string }[] = [];
  const note = (atUs: number, endpoint: number, text: string): void => {
    const who = endpoint < 0 ? 'fault' : `node ${endpoint}`;
    kept.push({ endpoint, line: `${(atUs / 1000).toFixed(3).padStart(12)}  ${who}  ${text}` });
    if (kept.length > 100_000) kept.splice(0, 50_000);
  };
  const { violation } = level.run(plan, bug === undefined ? { note } : { note, bug });
  const node = violation?.facts.node;
  const fits = ({ endpoint }: { readonly endpoint: number }): boolean =>
    node === undefined || endpoint < 0 || endpoint === node;
  return kept
    .filter(fits)
    .slice(-linesMax)
    .map(({ line }) => line);
}
