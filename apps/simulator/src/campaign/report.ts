/** A report for people and one for programs. */
import type { Plan } from '../faults/plan.ts';
import type { CampaignOptions, Failure, Report } from './campaign.ts';
import { recoveryMaxDeltas } from './outcome.ts';

/** The report as lines. */
export function reportText(report: Report): string {
  const { totals, options, failures } = report;
  const recovery = recoveryOf(report);
  return [
    `level ${options.level.name}, ${options.nodes} nodes, ${totals.seeds} seeds from ${options.seed}`,
    row('views', count(totals.views)),
    row('events', `${count(totals.events)}, ${count(eventsPerSecond(report))} per core-second`),
    row('final blocks', count(totals.finalBlocks)),
    row('faults', sumsText(totals.faults)),
    row('Byzantine roles', sumsText(totals.villains)),
    row('happened', sumsText(totals.happened)),
    row('evidence', sumsText(totals.evidence)),
    row('checked', sumsText(totals.checks)),
    row(
      'recovery',
      `p50 ${recovery.p50} Δ, p99 ${recovery.p99} Δ, longest ${recovery.longest} Δ, bound ${recoveryMaxDeltas(options.nodes)} Δ`,
    ),
    row('violations', String(failures.length)),
    ...failures.flatMap((failure) => failureLines(options, failure)),
  ].join('\n');
}

/** The report as JSON. */
export function reportJson(report: Report): Record<string, unknown> {
  const { options, failures } = report;
  const { recoveries: _recoveries, hashes, ...totals } = report.totals;
  return {
    level: options.level.name,
    nodes: options.nodes,
    seed: options.seed,
    ...(options.bug !== undefined && { planted: options.bug }),
    ...totals,
    eventsPerCoreSecond: eventsPerSecond(report),
    recoveryDeltas: recoveryOf(report),
    hash: hashes.length === 1 ? hashes[0] : undefined,
    violations: failures.map((failure) => ({
      seed: failure.seed,
      ...failure.violation,
      shrunkTo: elementTexts(failure.shrunk.plan),
      repeat: repeatCommand(options, failure),
    })),
  };
}

/** The command that shows a failure again, with nothing but what it needs. */
export function repeatCommand(options: CampaignOptions, { seed, shrunk }: Failure): string {
  const { level, nodes, views, only, bug } = options;
  return [
    `npm run sim -- --level ${level.name} --seed ${seed} --views ${views} --nodes ${nodes}`,
    only && `--faults ${only.join(',') || 'none'}`,
    bug && `--planted ${bug}`,
    `--keep ${shrunk.keep.length > 0 ? shrunk.keep.join(',') : 'none'}`,
    `--until ${Math.ceil(shrunk.untilUs / 1000)}`,
    '--trace',
  ]
    .filter(Boolean)
    .join(' ');
}

function failureLines(options: CampaignOptions, failure: Failure): string[] {
  const { shrunk, seed } = failure;
  const { invariant, facts } = shrunk.violation;
  return [
    '',
    `seed ${seed} breaks "${invariant}": ${JSON.stringify(facts)}`,
    `  needs only (found in ${shrunk.runs} runs):`,
    ...elementTexts(shrunk.plan).map((text) => `    ${text}`),
    `  ${repeatCommand(options, failure)}`,
  ];
}

function elementTexts({ villains, faults }: Plan): string[] {
  return [
    ...villains.map(({ node, roles }) => `node ${node} is Byzantine: ${roles.join(' and ')}`),
    ...faults.map((fault) => {
      const { kind, atUs, forUs, ...rest } = fault;
      return `${kind} at ${ms(atUs)} for ${ms(forUs)} ${JSON.stringify(rest)}`;
    }),
  ];
}

function ms(us: number): string {
  return `${(us / 1000).toFixed(1)} ms`;
}

function eventsPerSecond({ totals }: Report): number {
  return Math.round(totals.events / Math.max(totals.cpuSeconds, 1e-9));
}

function recoveryOf({ totals }: Report) {
  const sorted = totals.recoveries.toSorted((a, b) => a - b);
  const at = (share: number): number => {
    const value = sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0;
    return Number(value.toFixed(2));
  };
  return { p50: at(0.5), p99: at(0.99), longest: at(1) };
}

function sumsText(sums: Readonly<Record<string, number>>): string {
  const entries = Object.entries(sums);
  if (entries.length === 0) return 'none';
  return entries.map(([name, sum]) => `${name} ${count(sum)}`).join(', ');
}

function row(title: string, text: string): string {
  return `  ${title.padEnd(16)} ${text}`;
}

function count(value: number): string {
  return value.toLocaleString('en-US').replaceAll(',', ' ');
}
