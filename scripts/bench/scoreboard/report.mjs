/** The scoreboard as text: figures of all ledgers side by side, then ours against the targets, honestly. */
import { numberText, spreadOf, spreadText, tableText } from '../lib/statistics.mjs';

/** Figures of every ledger: label, unit, and where the number is in a round. */
const figures = [
  ['transfers/s, full load', (round) => round.full?.perSecond],
  ['finality p50 at the paced rate, ms', (round) => round.paced?.p50Ms],
  ['finality p99 at the paced rate, ms', (round) => round.paced?.p99Ms],
  ['rate reached when paced, transfers/s', (round) => round.paced?.perSecond],
  ['finality p50 under full load, ms', (round) => round.full?.p50Ms],
  ['finality p99 under full load, ms', (round) => round.full?.p99Ms],
  ['finality p50 when idle, ms', (round) => round.idle?.p50Ms],
  ['CPU µs/transfer and process, full load', (round) => round.full?.cpuUsPerProcess],
  ['CPU µs/transfer and process, paced', (round) => round.paced?.cpuUsPerProcess],
  ['  of these in the main thread, full load', (round) => round.full?.mainThreadUs],
  ['transfers in a block, full load', (round) => round.perBlock],
  ['CPU µs/transfer of the client, full load', (round) => round.full?.clientUs],
  ['cores used by others, full load', (round) => round.full?.otherCores],
  ['one signature check just after, CPU µs', (round) => round.full?.checkUs],
  ['memory of a process at rest, MB', (round) => round.rest?.meanMb],
  ['memory of a process at the end, MB', (round) => round.end?.meanMb],
  ['disk bytes/transfer and node', (round) => round.diskPerTransfer],
  ['transfers/s in batches of 256', (round) => round.batch?.perSecond],
  ['CPU µs/transfer and node in batches', (round) => round.batch?.cpuUsPerProcess],
  ['block sync, transfers/s', (round) => round.sync?.perSecond],
  ['block sync, CPU µs/transfer', (round) => round.sync?.cpuUs],
];

/** The function that reads a figure. */
function figure(wanted) {
  return figures.find(([label]) => label === wanted)[1];
}

/** Targets of docs and design: label, figure, must, moonshot, and whether more is better. */
const targets = [
  ['transfers/s', figure('transfers/s, full load'), { must: 2_000, moonshot: 6_000, isMore: true }],
  [
    'finality p50 at the paced rate, ms',
    figure('finality p50 at the paced rate, ms'),
    { must: 150, moonshot: 150 },
  ],
  [
    'finality p99 at the paced rate, ms',
    figure('finality p99 at the paced rate, ms'),
    { must: 1_000, moonshot: 500 },
  ],
  ['finality p50 when idle, ms', figure('finality p50 when idle, ms'), { must: 20, moonshot: 10 }],
  [
    'transfers/s in batches',
    figure('transfers/s in batches of 256'),
    { must: 10_000, moonshot: 20_000, isMore: true },
  ],
  [
    'CPU µs/transfer and node',
    figure('CPU µs/transfer and process, full load'),
    { must: 90, moonshot: 65 },
  ],
  [
    'block sync, transfers/s',
    figure('block sync, transfers/s'),
    { must: 20_000, moonshot: 50_000, isMore: true },
  ],
  ['memory at rest, MB', figure('memory of a process at rest, MB'), { must: 150, moonshot: 90 }],
];

/** Medians of all rounds: ledger → figure → spread. */
export function summaryOf(rounds) {
  return Object.fromEntries(
    Object.entries(rounds).map(([ledger, list]) => [
      ledger,
      Object.fromEntries(
        figures.map(([label, pick]) => [label.trim(), spreadOf(list.map(read(pick)))]),
      ),
    ]),
  );
}

const read = (pick) => (round) => pick(round) ?? Number.NaN;

/** The side-by-side table. */
export function figuresText(rounds) {
  const ledgers = Object.keys(rounds);
  const body = figures.map(([label, pick]) => [
    label,
    ...ledgers.map((ledger) => spreadText(spreadOf(rounds[ledger].map(read(pick))))),
  ]);
  return tableText([['', ...ledgers], ...body]);
}

/** Ours against the targets. */
export function targetsText(ours) {
  const body = targets.map(([label, pick, target]) => {
    const spread = spreadOf(ours.map(read(pick)));
    const verdict = (limit) => {
      if (!spread) return 'not measured';
      return (target.isMore ? spread.median >= limit : spread.median <= limit) ? 'met' : 'NOT met';
    };
    return [
      ...[label, spread ? numberText(spread.median) : '–'],
      ...[numberText(target.must), verdict(target.must)],
      ...[numberText(target.moonshot), verdict(target.moonshot)],
    ];
  });
  return tableText([['target', 'ours', 'must', '', 'moonshot', ''], ...body]);
}

/** What each node held in the first and in the last minute of full load; a heap that grows for ever shows here. */
export function growthText(ours) {
  const { windowSeconds, nodes } = ours.at(-1).growth;
  const change = ({ first, last }) => `${numberText(first)} → ${numberText(last)}`;
  const body = nodes.map((node, at) => [
    ...[`node ${at + 1}`, change(node.heapMb), change(node.heapLeastMb), change(node.rssMb)],
    ...[change(node.ownMb), change(node.fileMb), change(node.diskMb)],
    numberText(node.diskBytesPerSecond / 1_024),
  ]);
  const head = [
    `first ${numberText(windowSeconds)} s → last ${numberText(windowSeconds)} s of full load`,
    ...['heap used, MB', 'least, MB', 'resident, MB', 'own, MB', 'of files, MB'],
    ...['disk at begin → end, MB', 'disk KiB/s'],
  ];
  return tableText([head, ...body]);
}

/** What the nodes agreed on, and whether each checked signatures. */
export function agreementText(ours) {
  const { same, full, sync } = ours.at(-1);
  const counted = same.checked.every((count) => count !== undefined);
  const signatures = counted
    ? `signatures checked by each node: ${same.checked.map(numberText).join(', ')}, no fewer than transfers`
    : `signatures checked: the nodes publish no counter; outside its main thread each node used at least ${numberText(full.otherThreadsUsMin)} µs CPU for a transfer (one check takes about 40)`;
  const way = sync?.isBySnapshot ? 'joined by snapshot' : 'block sync';
  const synced = sync
    ? `\n${way}: ${numberText(sync.transfers)} transfers in ${numberText(sync.blocks)} blocks, ${numberText(sync.seconds)} s, the follower has the same root`
    : '';
  return `state roots: equal on ${same.nodes} nodes at height ${same.height} (${same.stateRoot.slice(0, 16)}…)\n${signatures}${synced}`;
}
