/** The run on a terminal: a few lines that are kept true, below the list of what happened. */
import type { Out } from '../../context/out.ts';
import type { ScreenSize } from '../../context/screen.ts';
import { programOf } from '../../devnet/daemon-name.ts';
import { counted } from '../../wording.ts';
import type { LiveRun } from '../run.ts';
import { faultText, secondsText } from './fault-text.ts';

const labelWidth = 10;
const barWidth = 40;
const brokenShown = 6;

/** The lines for a window. */
export function netPicture(out: Pick<Out, 'style'>, live: LiveRun, size: ScreenSize): string[] {
  const row = (label: string, text: string): string =>
    `${out.style('dim', label.padEnd(labelWidth))}${text}`;
  const { plan, open } = live;
  const head = plan.isChaos ? `aitbc net, seed ${plan.seed}` : 'aitbc net, nothing breaks';
  const broken = live.counts()?.broken ?? [];
  const lines = [
    '',
    out.style('bold', head),
    row('phase', `${live.phase}  ${timeBar(live)}`),
    row('town', townText(live)),
    row('chain', `block ${live.watch?.top() ?? 0}, ${live.acknowledged()} transfers final`),
    row('jobs', jobsText(live)),
  ];
  if (open && plan.isChaos) lines.push(...faultLines(live, row));
  for (const one of broken.slice(0, brokenShown)) lines.push(out.style('red', `broken: ${one}`));
  return lines.slice(0, size.rows);
}

/** One line for logs. */
export function netLine(live: LiveRun): string {
  const now = live.play?.now().map(faultText).join('; ') ?? '';
  const time = secondsText(live.passedMs()).padStart(8);
  const block = `block ${live.watch?.top() ?? 0}`;
  return `${time}  ${block}, ${jobsText(live)}${now === '' ? '' : `; now: ${now}`}`;
}

function timeBar(live: LiveRun): string {
  if (live.phase !== 'work') return '';
  const share = Math.min(1, live.passedMs() / live.plan.forMs);
  const full = Math.round(share * barWidth);
  const left = secondsText(Math.max(0, live.plan.forMs - live.passedMs()));
  return `${'█'.repeat(full)}${'░'.repeat(barWidth - full)} ${left} left`;
}

function townText({ open, plan }: LiveRun): string {
  const size = [
    counted(plan.validators.length, 'validator'),
    counted(plan.providers.length, 'provider'),
    counted(plan.agents.length, 'agent'),
  ].join(', ');
  if (!open) return size;
  const down = [...open.crew.starts().keys()].filter((name) => !open.crew.isUp(name));
  const order = down.sort((a, b) => programOf(a as 'node').localeCompare(programOf(b as 'node')));
  return `${size}${order.length > 0 ? `; down: ${order.join(', ')}` : ''}`;
}

function jobsText(live: LiveRun): string {
  const counts = live.counts();
  if (!counts) return 'none yet';
  const { jobsCompleted, jobsBegun, jobsFailed, tokens, failovers, refused } = counts;
  return `${jobsCompleted} of ${jobsBegun} jobs whole, ${jobsFailed} honest errors, ${tokens} tokens, ${failovers} moved, ${refused} refused`;
}

function faultLines(live: LiveRun, row: (label: string, text: string) => string): string[] {
  const now = live.play?.now() ?? [];
  const next = live.play?.next();
  return [
    row('now', now.length === 0 ? 'nothing is broken' : now.map(faultText).join('; ')),
    row('next', next ? `${faultText(next.fault)} in ${secondsText(next.inMs)}` : 'nothing more'),
  ];
}
