/** The kills of a run as two tables: the gaps with their targets, and where the time of a gap goes. */
import { numberText, percentile, tableText } from '../lib/statistics.mjs';

const targets = { must: { p50: 150, p99: 500 }, moonshot: { p50: 50, p99: 150 } };
const stageTexts = {
  killToClose: 'kill → gateway sees the connection close',
  closeToRequest: 'close → next request leaves',
  requestToHead: 'request → head of the next answer',
  headToPiece: 'head → first piece at the client',
};

/** Figures of all kills. */
export function summaryOf(runs, undisturbed) {
  const moved = runs.filter((run) => run.moved);
  const all = (pick) => spread(moved.map(pick));
  const stages = Object.fromEntries(
    Object.keys(stageTexts).map((stage) => [stage, all((run) => run.stages[stage])]),
  );
  const { times } = undisturbed;
  return {
    kills: runs.length,
    moved: moved.length,
    same: runs.filter((run) => run.isSame).length,
    transactions: runs.reduce((sum, run) => sum + run.transactions, 0),
    gapMs: all((run) => run.gapMs),
    sinceKillMs: all((run) => run.sinceKillMs),
    stages,
    undisturbedPieceMs: (times.at(-1) - times[0]) / (times.length - 1),
    paid: paidOf(runs),
  };
}

function spread(numbers) {
  return {
    p50: percentile(numbers, 0.5),
    p99: percentile(numbers, 0.99),
    max: Math.max(...numbers),
  };
}

function paidOf(runs) {
  const paid = {};
  for (const { name, tokens, chargedNait } of runs.flatMap(({ parts }) => parts)) {
    const before = paid[name] ?? { tokens: 0, chargedNait: '0' };
    const chargedSum = BigInt(before.chargedNait) + BigInt(chargedNait);
    paid[name] = { tokens: before.tokens + tokens, chargedNait: `${chargedSum}` };
  }
  return paid;
}

/** The tables. */
export function reportOf({ figures, onChain, names }) {
  const { kills, moved, same, transactions, gapMs, sinceKillMs, stages } = figures;
  const cells = (row) => [row.p50, row.p99, row.max].map(numberText);
  const aim = ({ p50, p99 }) => [`${p50}`, `${p99}`, '–'];
  const gaps = [
    ['milliseconds', 'p50', 'p99', 'max'],
    ['gap of the stream', ...cells(gapMs)],
    ['kill → next piece', ...cells(sinceKillMs)],
    ['  must', ...aim(targets.must)],
    ['  moonshot', ...aim(targets.moonshot)],
  ];
  const parts = [
    ['where the time goes, ms', 'p50', 'p99', 'max'],
    ...Object.entries(stageTexts).map(([stage, text]) => [text, ...cells(stages[stage])]),
  ];
  const money = [
    ['provider', 'tokens', 'charged, nait'],
    ...Object.entries(figures.paid).map(([name, sum]) => [name, `${sum.tokens}`, sum.chargedNait]),
  ];
  const chain = onChain.map(
    ({ provider, chargedNait, paidNait }) =>
      `${names.get(provider)}: charged ${chargedNait} nait in all, the chain paid ${paidNait}`,
  );
  return [
    tableText(gaps),
    tableText(parts),
    tableText(money),
    `${moved} of ${kills} answers moved; ${same} of ${kills} equal the undisturbed one; ${transactions} transactions in between; a piece came every ${numberText(figures.undisturbedPieceMs)} ms when nothing happened`,
    chain.join('\n'),
  ].join('\n\n');
}

/** What must not be; empty when all is well. */
export function faultsOf(runs, onChain) {
  const faults = [];
  for (const [at, { isSame, transactions }] of runs.entries()) {
    if (!isSame) faults.push(`the answer of kill ${at + 1} differs`);
    if (transactions > 0) faults.push(`${transactions} transactions during kill ${at + 1}`);
  }
  for (const { provider, chargedNait, paidNait } of onChain) {
    if (chargedNait !== paidNait)
      faults.push(`${provider}: charged ${chargedNait}, paid ${paidNait}`);
  }
  return faults;
}
