/** The page and the plots of measured audits. */
import { expectedLoss, penaltyNeeded } from '@aitbc/market';
import { auditDefaults, chargeFor, devnetParams } from '@aitbc/protocol';
import {
  caughtAt,
  createRandom,
  isCaught,
  measuresOf,
  shareOf,
  upperBoundOf,
} from './statistics.mjs';

const honestNames = ['honest', 'batched', 'broken'];
const cheatNames = ['q4', 'small', 'q8'];
/** Tokens of a job, from … up to below. */
const lengths = [1, 8, 16, 32, 64, 128, 512];
const cheatShares = [0.05, 0.2, 0.5, 1];
const auditRates = [0.01, 0.03, 0.1];
const plotRates = [0.005, 0.01, 0.02, 0.03, 0.05, 0.1];
const histories = 1_000;
const jobsOfHistory = 1_000;
const historySeed = 20_26;
/** What a cheat is taken to save, for the table of money: nobody measured it. */
const savingBps = 6_000;
const naitPerAit = 1e9;
/** Prices of the provider's settings, nait for a million tokens. */
const price = { inputPerMTok: 50_000_000n, outputPerMTok: 150_000_000n, perRequest: 0n };
const promptTokens = 60;

const percent = (share, digits = 1) => `${(share * 100).toFixed(digits)} %`;
const thousands = (number) => number.toLocaleString('en-US').replaceAll(',', ' ');
const logit = (micro) => (micro / 1e6).toFixed(micro < 10_000 ? 5 : 3);
const sum = (measures, name) => measures.reduce((all, measure) => all + measure[name], 0);

function table(head, rows) {
  const line = (cells) => `| ${cells.join(' | ')} |`;
  return [line(head), `|${head.map(() => '---|').join('')}`, ...rows.map(line)].join('\n');
}

const rowNamed = ({ rows }, name) => rows.find((row) => row.name === name);
const measuresNamed = (figures, name) => measuresOf(rowNamed(figures, name));
const honestOf = (figures) => honestNames.flatMap((name) => measuresNamed(figures, name));

function rowTable({ rows }) {
  const head = [
    'What the provider ran',
    'Audited jobs',
    'Tokens',
    'Exact tokens',
    'Mean gap',
    'Largest gap',
    'Called a cheat',
    'Between',
  ];
  return table(
    head,
    rows.map((row) => {
      const measures = measuresOf(row);
      const tokens = sum(measures, 'tokens');
      const gaps = measures.reduce((all, one) => all + one.gapMeanMicro * one.tokens, 0);
      const { caught, all, share, low, high } = shareOf(measures);
      return [
        row.label,
        thousands(all),
        thousands(tokens),
        percent(sum(measures, 'exactTokens') / tokens, 2),
        logit(gaps / tokens),
        logit(Math.max(...measures.map(({ gapMaxMicro }) => gapMaxMicro))),
        `${caught} (${percent(share)})`,
        `${percent(low)} and ${percent(high)}`,
      ];
    }),
  );
}

/** Jobs of a row by their length; lengths without jobs are left out. */
function byLength(measures) {
  return lengths.slice(0, -1).flatMap((from, at) => {
    const to = lengths[at + 1];
    const some = measures.filter(({ tokens }) => tokens >= from && tokens < to);
    return some.length === 0
      ? []
      : [{ from, to, ...shareOf(some), tokens: sum(some, 'tokens') / some.length }];
  });
}

function lengthTable(figures) {
  const columns = cheatNames.map((name) => byLength(measuresNamed(figures, name)));
  const rows = lengths.slice(0, -1).map((from, at) => {
    const cells = columns.map((parts) => {
      const part = parts.find((one) => one.from === from);
      return part ? `${percent(part.share, 0)} of ${part.all}` : '–';
    });
    return [`${from} to ${lengths[at + 1] - 1}`, ...cells];
  });
  return table(
    ['Tokens of the job', ...cheatNames.map((name) => rowNamed(figures, name).label)],
    rows,
  );
}

/** Histories of providers of one kind; the job at which each was caught. */
function caughtJobs(figures, { name, cheatShare, auditShare }) {
  const random = createRandom(historySeed);
  const plan = {
    honest: honestOf(figures),
    cheat: measuresNamed(figures, name),
    cheatShare,
    auditShare,
  };
  return Array.from({ length: histories }, () =>
    caughtAt({ ...plan, jobsMax: jobsOfHistory }, random),
  );
}

function rateTable(figures) {
  const rows = cheatNames.flatMap((name) =>
    cheatShares.map((cheatShare) => [
      `${rowNamed(figures, name).label}, ${percent(cheatShare, 0)} of its jobs`,
      ...auditRates.map((auditShare) => {
        const found = caughtJobs(figures, { name, cheatShare, auditShare });
        const caught = found.filter(Boolean);
        const byEvidence = caught.filter(({ by }) => by === 'evidence').length;
        const note =
          byEvidence * 100 >= caught.length && byEvidence > 0
            ? `, ${percent(byEvidence / caught.length, 0)} by evidence`
            : '';
        return `${percent(caught.length / histories)}${note}`;
      }),
    ]),
  );
  return table(['Cheat', ...auditRates.map((rate) => `${percent(rate, 0)} audited`)], rows);
}

/** Honest providers whose every job is audited. */
function honestHistories(figures) {
  const plan = { cheatShare: 0, auditShare: 1 };
  return caughtJobs(figures, { name: 'q4', ...plan }).filter(Boolean).length;
}

function moneyTable(figures) {
  const penalty =
    (BigInt(devnetParams.providerBondMin) * BigInt(auditDefaults.auditSlashBps)) / 10_000n;
  const rows = cheatNames.map((name) => {
    const measures = measuresNamed(figures, name);
    const outputTokens = Math.round(sum(measures, 'tokens') / measures.length);
    const jobPrice = chargeFor(price, { promptTokens, outputTokens }, 'complete');
    const catchBps = Math.floor(shareOf(measures).share * 10_000);
    const terms = { jobPrice, savingBps, auditBps: 300, catchBps, penalty };
    const { saved, lost } = expectedLoss({ ...terms, cheatBps: 2_000 });
    const needed = penaltyNeeded(terms);
    return [
      rowNamed(figures, name).label,
      `${thousands(Number(jobPrice))} nait`,
      `${(Number(saved) / naitPerAit).toFixed(2)} AIT`,
      `${thousands(Math.round(Number(lost) / naitPerAit))} AIT`,
      needed === undefined
        ? '–'
        : `${thousands(Number(needed))} nait (${Math.ceil(Number(needed) / Number(jobPrice))} jobs)`,
    ];
  });
  const head = [
    'Cheat',
    'Price of a job',
    'Saved in a million jobs',
    'Lost in a million jobs',
    'Smallest penalty that suffices',
  ];
  return { penalty, text: table(head, rows) };
}

/** Plots by file name. */
export function plotsOf(figures) {
  const note = `${figures.machine.split(',')[0]}, ${figures.date.slice(0, 10)}`;
  const lengthPanels = cheatNames.map((name) => ({
    label: `${rowNamed(figures, name).label}: % of audited jobs called a cheat`,
    points: byLength(measuresNamed(figures, name)).map(({ tokens, share, low, high }) => ({
      ...{ x: Math.round(tokens), median: share * 100, min: low * 100, max: high * 100 },
    })),
  }));
  const rateKinds = [
    ['q4', 0.05],
    ['q4', 0.2],
    ['q4', 0.5],
    ['q8', 1],
  ];
  const ratePanels = rateKinds.map(([name, cheatShare]) => ({
    label: `${rowNamed(figures, name).label} on ${percent(cheatShare, 0)} of its jobs: % caught in ${thousands(jobsOfHistory)} jobs`,
    points: plotRates.map((auditShare) => {
      const caught = caughtJobs(figures, { name, cheatShare, auditShare }).filter(Boolean).length;
      const value = (caught / histories) * 100;
      return { x: auditShare * 100, median: value, min: value, max: value };
    }),
  }));
  return {
    'audits-length': {
      title: 'What one audit catches',
      note,
      x: { label: 'tokens of the job (whiskers: 95 %)' },
      panels: lengthPanels,
    },
    'audits-rate': {
      title: 'What a share of audits catches',
      note,
      x: { label: '% of jobs audited' },
      panels: ratePanels,
    },
  };
}

/** The page docs/audits.md. */
export function pageOf(figures) {
  const { thresholds, rows } = figures;
  const honest = honestOf(figures);
  const wrong = honest.filter(isCaught).length;
  const bound = upperBoundOf({ caught: wrong, all: honest.length });
  const worst = Math.max(...honest.map(({ gapMaxMicro }) => gapMaxMicro));
  const money = moneyTable(figures);
  const seconds = (part) =>
    rows
      .filter(({ name }) => honestNames.includes(name))
      .reduce((all, row) => all + row.seconds[part], 0);
  const perSecond = (part) => Math.round(sum(honest, 'tokens') / seconds(part));
  return `# What audits catch

Figures of \`node scripts/audit-curve.mjs\` from ${figures.date.slice(0, 10)} (seed \`${figures.seed}\`): ${figures.machine}.
How an audit works, and why, is in [spec/audit.md](spec/audit.md).

Every job here was really generated by llama.cpp from a model file, at temperature 0, in one process, and really
replayed from its text in another. What is sold is always the bundled model in F16 (1.3 million weights); the cheats serve
something cheaper under its name. The models are small: larger ones lose less by quantisation, so expect smaller
gaps from 4-bit weights of a real 8B model, and more of the sequential evidence. No GPU took part: processors of other
kinds are noisier, which is why verifiable offers are the default of the embedded engine alone.

## One audit

A job is called a cheat above a largest gap of ${logit(thresholds.gapMaxMicro)} or a mean gap of ${logit(thresholds.gapMeanMicro)}
logits. These were chosen with other jobs than those below (seed \`tuning\`). "Between": exact interval of 95 %.

${rowTable(figures)}

**Honest jobs called a cheat: ${wrong} of ${thousands(honest.length)}**; with 95 % certainty fewer than ${percent(bound, 2)} of all honest jobs.
The worst honest job has a gap of ${logit(worst)}, ${Math.floor(thresholds.gapMaxMicro / Math.max(worst, 1))} times below the threshold.
As many tokens were found as were sold in ${thousands(honest.filter(({ tokens, soldTokens }) => tokens === soldTokens).length)} of ${thousands(honest.length)} honest jobs.

## By length

Jobs called a cheat, of those audited. A cheat is seen where the cheaper model would have gone on with another word, so
longer jobs show more.

${lengthTable(figures)}

![Share of audited jobs called a cheat, by length](bench/audits-length.svg)

## By audit rate

A provider that cheats on some of its jobs, over ${thousands(jobsOfHistory)} jobs, of which a share is audited: how many of ${thousands(histories)}
such providers are caught, by the verdict on one job or by the evidence of several. Each history is drawn from the measured jobs above.

${rateTable(figures)}

Honest providers with *every* one of ${thousands(jobsOfHistory)} jobs audited, drawn alike: ${honestHistories(figures)} of ${thousands(histories)} caught.

![Share of cheats caught, by audit rate](bench/audits-rate.svg)

## Money

A conviction costs ${auditDefaults.auditSlashBps / 100} % of the bond: ${thousands(Number(money.penalty) / naitPerAit)} AIT of the smallest one that the devnet
allows. Here 3 % of jobs are audited, the cheat cheats on 20 % of its jobs and saves ${savingBps / 100} % of their price (an assumption), at
the provider's default prices, by the verdict on single jobs alone. The last column is the penalty at which cheating stops to pay.

${money.text}

## Cost

Honest jobs were generated at ${thousands(perSecond('made'))} tokens/s and replayed at ${thousands(perSecond('audited'))} tokens/s, loading of models included in the first; other
work ran on the same two cores. At a rate of 3 % audits cost the network ${percent((0.03 * seconds('audited')) / seconds('made'), 2)} of its work.
`;
}
