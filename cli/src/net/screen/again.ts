/** How to have the same run again. */
import type { Plan } from '../contract.ts';

/** The command line of a run. */
export function againLine(plan: Plan, plant: string | undefined): string {
  const words = [
    'aitbc net',
    `--validators ${plan.validators.length}`,
    `--providers ${plan.providers.length}`,
    `--agents ${plan.agents.length}`,
    ...(plan.isChaos ? [`--chaos seed=${plan.seed}`] : []),
    `--for ${plan.forMs / 1_000}s`,
    ...(plant === undefined ? [] : [`--plant ${plant}`]),
  ];
  return words.join(' ');
}
