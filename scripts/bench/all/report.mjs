/** The scoreboard as text: on the terminal, as the README's table, and as the page docs/bench/README.md with every detail. */
import { numberText, spreadText, tableText } from '../lib/statistics.mjs';
import { limitText, oursText, peersText, tallyOf, targetsText, verdictOf } from './line.mjs';

const begin = '<!-- Written by `npm run bench -- --write`: from here -->';
const end = '<!-- to here -->';
const bold = (text) => `**${text}**`;

/** Table for the terminal. */
export function terminalText(parts) {
  const rows = parts.flatMap(({ lines }) =>
    lines.map((line) => [
      ...[line.what, oursText(line), targetsText(line), verdictOf(line)],
      ...[peersText(line), limitText(line)],
    ]),
  );
  return tableText([
    ['', 'ours', 'must / moonshot', '', 'beside it (▲ better than ours)', 'limit'],
    ...rows,
  ]);
}

/** What it comes to, in a sentence. */
export function tallyText(parts) {
  const tally = tallyOf(parts.flatMap(({ lines }) => lines));
  const count = (verdict) => tally[verdict] ?? 0;
  const open = count('short of the moonshot') + count('not measured') + count('measured');
  return `Of ${tally.lines} lines ${count('moonshot')} reach the moonshot, ${count('must')} the must, ${count('missed')} miss it, ${open} have no verdict; in ${tally.peerAhead} some peer is ahead.`;
}

/** A page with a new table between its marks. Throws when the marks are not there. */
export function withSection(page, text) {
  const [from, to] = [page.indexOf(begin), page.indexOf(end)];
  if (from < 0 || to < from) throw new Error(`the page lacks its marks ${begin} and ${end}`);
  return `${page.slice(0, from + begin.length)}\n\n${text.trim()}\n\n${page.slice(to)}`;
}

/** The README's part. */
export function readmeText({ machine, isQuick, parts }) {
  const kind = isQuick ? ' with `--quick`' : '';
  const dates = parts.map(({ date }) => date).sort();
  const when = `between ${dayOf(dates[0])} and ${dayOf(dates.at(-1))}`;
  const rows = parts.flatMap(({ name, lines }) =>
    lines.map((line) =>
      rowText([
        cell(line.what),
        cell(oursText(line)),
        `${targetsText(line)}: ${verdictOf(line) === 'missed' ? '**missed**' : verdictOf(line)}`,
        cell(peersText(line, bold)),
        cell(limitText(line)),
        `\`${name}\``,
      ]),
    ),
  );
  return [
    `All lines come from \`npm run bench\`${kind} on one machine, whose parts ran ${when}; a line and its peers always in one run. Medians with the least and the most of the rounds; one part again: \`npm run bench -- --only NAME\`. ${machineWords(machine)} Load and peers share its cores. A peer in **bold** is better than ours. ${tallyText(parts)} Workloads, commands, CPU of all and raw figures: [docs/bench](docs/bench/README.md).`,
    '',
    rowText(['What', 'Ours', 'Must / moonshot', 'Peers in the same run', 'Limit', 'NAME']),
    rowText(['---', '---', '---', '---', '---', '---']),
    ...rows,
  ].join('\n');
}

/** The page docs/bench/README.md. */
export function pageText({ date, machine, machineAtEnd, isQuick, limits, parts }) {
  return `${[
    '# The scoreboard',
    '',
    `Written by \`npm run bench -- --write\`${isQuick ? ' with `--quick`: short rounds, larger spread' : ''} on ${dayOf(date)}.`,
    '',
    `- at the begin: ${machine}`,
    `- at the end: ${machineAtEnd}`,
    '',
    `${tallyText(parts)} Medians, with the least and the most of the rounds in parentheses. “CPU” is µs of processor time per unit of the line. A peer in bold is better than ours. A figure can only be compared with the others of its run.`,
    '',
    '## What this machine allows',
    '',
    rowText(['Limit', 'Measured']),
    rowText(['---', '---']),
    ...Object.values(limits).map(({ what, figure }) => rowText([what, spreadText(figure)])),
    '',
    ...parts.flatMap(partText),
  ]
    .join('\n')
    .trim()}\n`;
}

function partText({ name, about, commands, seconds, failures, date, lines, plot }) {
  const notes = lines.filter(({ note }) => note);
  return [
    `## ${name}`,
    '',
    `${about[0].toUpperCase()}${about.slice(1)}. ${dayOf(date)}, ${Math.round(seconds)} s.`,
    '',
    ...['```', ...commands, '```', ''],
    ...failures.map((failure) => `Failed: ${failure.replaceAll('\n', ' ')}\n`),
    ...(lines.length > 0 ? [tableOf(lines), ''] : []),
    ...notes.map(({ what, note }) => `- ${what}: ${note}.`),
    ...(notes.length > 0 ? [''] : []),
    ...(plot ? [`![${plot}](${plot}.svg)`, ''] : []),
  ];
}

function tableOf(lines) {
  const rows = lines.flatMap((line) => [
    [
      cell(line.what),
      bold('ours'),
      cell(oursText(line)),
      cpuText(line.cpuUs),
      `${targetsText(line)}: ${verdictOf(line)}`,
      cell(limitText(line)),
    ],
    ...line.peers.map((peer) => [
      '',
      cell([peer.name, peer.version].filter(Boolean).join(' ')),
      peer.text ?? peerFigure(line, peer),
      cpuText(peer.cpuUs),
      '',
      '',
    ]),
  ]);
  const head = ['What', 'Who', 'Figure', 'CPU', 'Must / moonshot', 'Limit'];
  return [head, head.map(() => '---'), ...rows].map(rowText).join('\n');
}

function peerFigure(line, peer) {
  const text = oursText({ ours: peer.figure, unit: line.unit });
  return peersText({ ...line, peers: [peer] }, bold).startsWith('**') ? bold(text) : text;
}

const cpuText = (us) => (Number.isFinite(us) ? numberText(us) : '–');
const cell = (text) => text.replaceAll('|', '\\|');
const rowText = (cells) => `| ${cells.join(' | ')} |`;
const dayOf = (date) => `${date.slice(0, 10)} at ${date.slice(11, 16)} UTC`;

/** `2 × processor, 25 GB, Node 20` without the load average. */
function machineWords(machine) {
  return `The machine: ${machine.split(', load average')[0]}, no GPU.`;
}
