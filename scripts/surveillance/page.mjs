/** The page docs/surveillance.md from what was measured. */
import { abuses, lookAlikes, shareOf } from '@aitbc/market/generators';

const percent = (share) => `${(share * 100).toFixed(share > 0.995 && share < 1 ? 2 : 1)} %`;

/** A share with its bounds, as people read it. */
export function shareText(share) {
  if (!share) return '–';
  return `${percent(share.share)} (${percent(share.low)} to ${percent(share.high)})`;
}

function tableOf(head, rows) {
  const line = (cells) => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

/** Precision and recall of each detector. */
export function measuredTable(rows) {
  return tableOf(
    [
      'Detector',
      'Found (recall)',
      'Right of all it said (precision)',
      'Honest days with a wrong alert',
      'Of another abuse',
    ],
    rows.map((row) => [
      `\`${row.pattern}\``,
      `${row.found} of ${row.abusive}: ${shareText(shareOf(row.found, row.abusive))}`,
      `${row.right} of ${row.right + row.wrong}: ${shareText(shareOf(row.right, row.right + row.wrong))}`,
      `${row.wronged} of ${row.others}: ${shareText(shareOf(row.wronged, row.others))}`,
      `${row.elsewhere}`,
    ]),
  );
}

function thresholdTable(detectors) {
  return tableOf(
    ['Detector', 'Threshold', 'Value', 'Unit', 'Means'],
    detectors.flatMap(({ name, thresholds }) =>
      Object.entries(thresholds).map(([key, { value, unit, about }]) => [
        ...[
          `\`${name}\``,
          `\`${key}\``,
          value.toLocaleString('en').replaceAll(',', ' '),
          unit,
          about,
        ],
      ]),
    ),
  );
}

function wrongText(wrongBy) {
  const lines = [...wrongBy].map(([pattern, names]) => {
    const top = [...names].sort((a, b) => b[1] - a[1]).slice(0, 3);
    return `- \`${pattern}\`: ${top.map(([name, count]) => `${name} (${count})`).join(', ')}`;
  });
  return lines.length === 0 ? 'There was no wrong alert.' : lines.join('\n');
}

/** What each detector looks for, and where it ends. */
const aboutRows = [
  [
    '`self-dealing`',
    'payer and provider tied by the funding graph, and the payer buys mostly there',
    'coins fetched from two exchanges; a payer that spreads its purchases',
  ],
  [
    '`wash-volume`',
    'what is spent comes back, directly or through one account',
    'two accounts between, or coins that come back through an exchange or as the reward of a task',
  ],
  [
    '`offer-flood`',
    'offers shown for seconds and never sold, again and again',
    'fewer than 20 in ten minutes',
  ],
  [
    '`price-jump`',
    'a multiplied price that was paid while others stayed',
    'a rise in small steps; a rise on a busy market',
  ],
  [
    '`concentration`',
    'providers of one owner that hold most of a model',
    'providers funded from two exchanges. One large seller is no abuse and no alert',
  ],
  [
    '`receipts-without-work`',
    'streams faster than any machine, far ahead of all others, or more than the declared slots',
    'receipts invented slowly, at believable times',
  ],
  [
    '`reputation-farming`',
    'a record of tiny jobs of few shapes from one or two payers',
    'farms that take a minute a job, or invent shapes',
  ],
  [
    '`coordinated-undercutting`',
    'the same sellers drop to the same price in the same seconds, more than once',
    'groups that wait a few seconds for one another',
  ],
  [
    '`equivocation`',
    'two signed receipts of one job that cannot both be true',
    'a second receipt that nobody reports',
  ],
];

/** The whole page. */
export function pageOf({ rows, totals, wrongBy, detectors, runs, seed, date, machine }) {
  return `# What the detectors catch

Figures of \`node scripts/surveillance/table.mjs\` from ${date} (seed ${seed}): ${machine}.
How detectors, alerts and re-checks work is in [spec/market.md](spec/market.md), "Surveillance".

Every run is one made-up market day of eight hours: ten sellers, twelve payers, 700 jobs of honest traffic, and four of
${Object.keys(lookAlikes).length} innocents who look like abusers from one side. Half of the runs also have one of
${Object.keys(abuses).length} abuses, drawn anew with every seed; some of the drawn abuses are too faint for the thresholds, on
purpose. All detectors watch all runs: ${totals.runs} runs with ${totals.events.toLocaleString('en').replaceAll(',', ' ')} events, ${runs} with each abuse. The thresholds were chosen
with other seeds. A real market is not made of these generators: the figures say that each detector works and what it does not
confuse, not how much abuse there is.

## Found, and found wrongly

An alert is right when it names somebody guilty of the abuse it is about, and wrong when it names innocents alone. In brackets
the interval of 95 % (Wilson). "Honest days": runs without this abuse.

${measuredTable(rows)}

**${totals.held} of ${totals.alerts} alerts hold over their evidence alone** (\`recheck\`), and there were ${rows.reduce((sum, row) => sum + row.wrong, 0)} wrong ones in
${totals.sellerHours.toLocaleString('en').replaceAll(',', ' ')} hours of sellers.

Who was on stage when an alert was wrong (innocents of that run, the most frequent first):

${wrongText(wrongBy)}

## What each one sees, and does not see

${tableOf(['Detector', 'Sees', 'Does not see'], aboutRows)}

## Innocents on stage

${Object.keys(lookAlikes)
  .map((name) => `\`${name}\``)
  .join(', ')
  .replace(/(.{90,120}?), /g, '$1,\n')}.

## Thresholds

Set with \`surveillanceThresholds\` of the coordinator, such as \`self-dealing.receiptsMin=20\`. A test closes each one and sees
its detector find less.

${thresholdTable(detectors)}
`;
}
