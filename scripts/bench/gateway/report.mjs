/** The systems side by side, and ours against the targets: medians of all rounds with their spread. */
import { numberText, spreadOf, spreadText, tableText } from '../lib/statistics.mjs';

const sum = (byProcess) => Object.values(byProcess).reduce((total, us) => total + us, 0);
const own = (pass, name) => pass?.cpuUs[name] ?? Number.NaN;

/** Rows of the big table: label, and the figure of one system in one round, beside the round of `direct`. */
const rows = [
  ['one at a time: p50, ms', ({ one }) => one.ms.p50],
  ['  added to direct, ms', ({ one }, direct) => one.ms.p50 - direct.one.ms.p50],
  ['16 at a time: requests/s', ({ many }) => many.perSecond],
  ['  CPU µs/request', ({ many }) => sum(many.cpuUs)],
  ['  requests/s and core', ({ many }) => 1e6 / sum(many.cpuUs)],
  ['  of these gateway, CPU µs', ({ many }) => own(many, 'gateway')],
  ['  of these provider, CPU µs', ({ many }) => own(many, 'provider')],
  ['16 streams: tokens/s', ({ streams }, _direct, { tokens }) => streams.perSecond * tokens],
  ['  CPU µs/token', ({ streams }) => sum(streams.cpuUsPerToken)],
  ['  of these gateway', ({ streams }) => streams.cpuUsPerToken.gateway ?? Number.NaN],
  ['  of these provider', ({ streams }) => streams.cpuUsPerToken.provider ?? Number.NaN],
  ['paced streams: first token p50, ms', ({ paced }) => paced.firstMs.p50],
  [
    '  added to direct p50, ms',
    ({ paced }, direct) => paced.firstMs.p50 - direct.paced.firstMs.p50,
  ],
  [
    '  added to direct p99, ms',
    ({ paced }, direct) => paced.firstMs.p99 - direct.paced.firstMs.p99,
  ],
  ['  CPU µs/token', ({ paced }) => sum(paced.cpuUsPerToken)],
  ['  cores used by all, of this machine', ({ paced }) => paced.busyCores],
];

const targets = [
  ['paid provider gate: added p50 alone, ms', 'provider', 'one at a time: p50, ms', 1, 0.6, 0.25],
  ['paid provider gate: CPU µs/request at 16', 'provider', '16 at a time: requests/s', 1, 250, 90],
  ['gateway + provider: added p50 alone, ms', 'gateway', 'one at a time: p50, ms', 1, 1.5, 0.7],
  [
    'gateway + provider: requests/s and core at 16',
    'gateway',
    '16 at a time: requests/s',
    2,
    1_500,
    4_000,
  ],
  ['streaming: CPU µs/token, gateway + provider', 'gateway', '16 streams: tokens/s', 1, 30, 8],
  ['added first token, paced, p50, ms', 'gateway', 'paced streams: first token p50, ms', 1, 5, 1.5],
  ['added first token, paced, p99, ms', 'gateway', 'paced streams: first token p50, ms', 2, 30, 10],
];

/** Medians: system → label → spread. A label below another one is indented and named after it. */
export function summaryOf(rounds, plan) {
  const names = Object.keys(rounds[0]);
  return Object.fromEntries(
    names.map((name) => [
      name,
      rows.map(([label, pick]) => ({
        label,
        spread: spreadOf(rounds.map((round) => pick(round[name], round.direct, plan))),
      })),
    ]),
  );
}

/** The big table. */
export function figuresText(summary) {
  const names = Object.keys(summary);
  const cells = rows.map(([label], at) => [
    label,
    ...names.map((name) => spreadText(summary[name][at].spread)),
  ]);
  return tableText([['', ...names], ...cells]);
}

/** Ours against must and moonshot. */
export function targetsText(summary) {
  const cells = targets.flatMap(([text, name, label, below, must, moonshot]) => {
    const at = rows.findIndex(([row]) => row === label) + below;
    const spread = summary[name]?.[at].spread;
    return spread ? [[text, spreadText(spread), numberText(must), numberText(moonshot)]] : [];
  });
  return tableText([['target', 'measured', 'must', 'moonshot'], ...cells]);
}
