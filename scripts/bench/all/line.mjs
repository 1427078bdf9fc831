/**
 * A line of the scoreboard: what is measured, ours with its spread, the two targets, the peers of the same run and what the
 * machine itself allows. Everything that judges is here, and nothing that measures.
 *
 *   { what, unit, isMore, ours, cpuUs, must, moonshot, peers: [{ name, version, figure, cpuUs, text }], limit, note }
 *
 * `ours` and `figure` are spreads ({ median, min, max, rounds }) or undefined when nothing was measured; `isMore` says
 * that more is better. A peer that gives no number has a `text` instead.
 */
import { numberText, spreadText } from '../lib/statistics.mjs';

/** A spread of one known number; undefined of none. */
export function single(number) {
  if (!Number.isFinite(number)) return undefined;
  return { median: number, min: number, max: number, rounds: 1 };
}

/** 'moonshot', 'must', 'missed', 'measured' without targets, 'not measured'. */
export function verdictOf({ ours, must, moonshot, isMore }) {
  if (!ours) return 'not measured';
  const reaches = (target) =>
    Number.isFinite(target) && (isMore ? ours.median >= target : ours.median <= target);
  if (reaches(moonshot)) return 'moonshot';
  if (reaches(must)) return 'must';
  if (Number.isFinite(must)) return 'missed';
  return Number.isFinite(moonshot) ? 'short of the moonshot' : 'measured';
}

/** Whether a peer is better than ours. */
export function peerWins({ ours, isMore }, { figure }) {
  if (!ours || !figure) return false;
  return isMore ? figure.median > ours.median : figure.median < ours.median;
}

/** The peers of a line, each with its version; what is better than ours goes through `mark`. */
export function peersText(line, mark = (text) => `▲ ${text}`) {
  const shown = line.peers.map((peer) => {
    const { name, version, figure } = peer;
    const who = version ? `${name} ${version}` : name;
    const text = `${who}: ${peer.text ?? (figure ? numberText(figure.median) : 'not measured')}`;
    return peerWins(line, peer) ? mark(text) : text;
  });
  return shown.length === 0 ? '–' : shown.join('; ');
}

/** `must / moonshot`, a dash for one that is not set. */
export function targetsText({ must, moonshot }) {
  return [must, moonshot].map((target) => numberText(target ?? Number.NaN)).join(' / ');
}

/** The limit with its number. */
export function limitText({ limit }) {
  if (!limit?.figure) return '–';
  return `${limit.what}: ${numberText(limit.figure.median)}`;
}

/** Ours with its spread and unit. */
export function oursText({ ours, unit }) {
  return ours ? `${spreadText(ours)}${unit ? ` ${unit}` : ''}` : 'not measured';
}

/** How many lines reach what: counts by verdict, and lines in which some peer is better. */
export function tallyOf(lines) {
  const tally = { lines: lines.length, peerAhead: 0 };
  for (const line of lines) {
    const verdict = verdictOf(line);
    tally[verdict] = (tally[verdict] ?? 0) + 1;
    if (line.peers.some((peer) => peerWins(line, peer))) tally.peerAhead += 1;
  }
  return tally;
}
