/** The picture of a running provider for its owner: what it does, what it earned, and why it is idle. */
import type { OutputOf, providerEndpoints } from '@aitbc/protocol';
import { aitText } from '../../amounts.ts';
import type { Out } from '../../context/out.ts';
import type { ScreenSize } from '../../context/screen.ts';
import { textWidth } from '../../context/text-width.ts';
import { wrapText } from '../../context/word-wrap.ts';
import { counted, durationText, shortAddress } from '../../wording.ts';

/** What the daemon says of itself. */
export type Status = OutputOf<typeof providerEndpoints.status>;
/** Earnings of today with the reason of this moment. */
export type Statement = OutputOf<typeof providerEndpoints.earnings>;

/** What the picture shows. */
export interface OwnerView {
  readonly status: Status;
  /** Tokens per second, newest last. */
  readonly speeds: readonly number[];
  readonly statement: Statement | undefined;
  readonly upMs: number;
  /** How long no job has run; 0 while one runs. */
  readonly idleMs: number;
  /** Why jobs went to others, newest first, if that is known. */
  readonly losses: readonly string[];
  /** Shown in place of all else when the daemon does not answer. */
  readonly trouble: string | undefined;
}

const bars = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
const labelWidth = 9;
const speedWidth = 18;
/** Most of the width that the curve of the speed takes. */
const curveColumnsMax = 120;

/** Sentences for the owner: what is the matter, and what to do. */
export const idleTexts: Readonly<Record<Statement['now'], string>> = {
  busy: 'busy',
  measuring: 'the machine is being measured',
  drained: 'you took the machine back: nothing is offered',
  no_engine: 'nothing to sell: the engine does not answer or has no model',
  not_registered: 'not registered: the account has no coins for the bond yet',
  not_connected: 'no connection to the coordinator: buyers cannot find you',
  not_asked: 'on the market, and no job has come',
};

/** The lines for a window of this size. */
export function ownerPicture(out: Pick<Out, 'style'>, view: OwnerView, size: ScreenSize): string[] {
  const { status, trouble } = view;
  const fact = (label: string, text: string) =>
    `${out.style('dim', label.padEnd(labelWidth))}${text}`;
  const lines = [
    '',
    headLine(out, view, size.columns - 1),
    ...fact('now', wrapped(nowText(out, view), size.columns - 1)).split('\n'),
    fact('jobs', jobsText(view)),
    fact('speed', speedText(view, size.columns - labelWidth)),
    fact('earned', earnedText(view)),
    fact('models', status.models.join(', ') || 'none'),
    ...cardsOf(status).map((text) => fact('machine', text)),
    ...(view.losses[0] === undefined ? [] : [fact('lost', view.losses[0])]),
  ];
  return trouble === undefined ? lines : [...lines, out.style('red', trouble)];
}

/** The most important line is whole in a narrow window, too. */
function wrapped(text: string, columns: number): string {
  return wrapText(text, columns, ' '.repeat(labelWidth));
}

/** As much of the engine as fits: a line that is cut would lose the time behind it. */
function headLine(out: Pick<Out, 'style'>, { status, upMs }: OwnerView, columns: number): string {
  const { name, version } = status.engine;
  const head = 'aitbc ai serve';
  const lines = [[`${name} ${version}`], [name], []].map((engine) =>
    [shortAddress(status.provider), ...engine, `up ${durationText(upMs)}`].join('  '),
  );
  const fitting = lines.find((line) => head.length + 2 + textWidth(line) <= columns);
  return `${out.style('bold', head)}  ${fitting ?? lines.at(-1)}`;
}

function nowText(out: Pick<Out, 'style'>, view: OwnerView): string {
  const { status, statement, idleMs } = view;
  const { running, slots, waiting } = status;
  if (running > 0) {
    const queue = waiting > 0 ? `, ${waiting} wait${waiting === 1 ? 's' : ''}` : ', queue empty';
    return out.style('green', `${running} of ${slots} slots busy${queue}`);
  }
  const reason = statement?.now ?? reasonOf(status);
  const why = reason === 'busy' ? 'between two jobs' : idleTexts[reason];
  return out.style('yellow', `idle for ${durationText(idleMs)}: ${why}`);
}

/** What the open status tells, before the owner's statement has been read. */
function reasonOf({ models, coordinator }: Status): Statement['now'] {
  if (models.length === 0) return 'no_engine';
  return coordinator === 'connected' ? 'not_asked' : 'not_connected';
}

function jobsText({ status, statement }: OwnerView): string {
  const today = statement?.rows.reduce((sum, row) => sum + row.jobs, 0);
  const failed = statement?.rows.reduce((sum, row) => sum + row.failed, 0) ?? 0;
  const parts = [
    `${counted(status.jobs, 'job')} ended`,
    ...(today === undefined ? [] : [`${today} today`]),
    ...(failed > 0 ? [`${failed} failed today`] : []),
    `${counted(status.outputTokens, 'token')} sold`,
  ];
  return parts.join(' · ');
}

function speedText({ speeds }: OwnerView, columns: number): string {
  const number = `${(speeds.at(-1) ?? 0).toFixed(1)} tokens/s`;
  const room = Math.min(curveColumnsMax, columns - speedWidth - 2);
  const shown = speeds.slice(-Math.max(0, room));
  const most = Math.max(...shown, 1);
  const curve = shown.map((speed) => bars[Math.min(7, Math.floor((speed / most) * 7.99))]);
  return `${number.padEnd(speedWidth)}${curve.join('')}`.trimEnd();
}

function earnedText({ status, statement }: OwnerView): string {
  const today = statement?.rows.reduce((sum, row) => sum + BigInt(row.charged), 0n);
  const parts = [
    aitText(status.charged),
    ...(today === undefined ? [] : [`${aitText(today)} today`]),
    `${aitText(status.claimed)} of it claimed on chain`,
  ];
  return parts.join(' · ');
}

function cardsOf({ claims: { gpus, benchmarks } }: Status): string[] {
  const cards = gpus.map(({ name, memoryBytes }) => {
    const memory = memoryBytes === null ? '' : ` ${Math.round(memoryBytes / 2 ** 30)} GB`;
    return `${name}${memory}`;
  });
  const measured = benchmarks.map(
    ({ model, decodeTokensPerSecond, slots, plausibility }) =>
      `${model} ${decodeTokensPerSecond.toFixed(0)} tokens/s, ${counted(slots, 'slot')}${plausibility.verdict === 'impossible' ? ' (implausible)' : ''}`,
  );
  return [...cards, ...measured];
}
