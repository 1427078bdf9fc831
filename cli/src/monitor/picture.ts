/** The monitor as lines: facts with their curves, then what was sold and who sells, as far as the window has room. */
import { aitText } from '../amounts.ts';
import type { Out } from '../context/out.ts';
import type { ScreenSize } from '../context/screen.ts';
import { padText, textWidth } from '../context/text-width.ts';
import { counted, durationText, latencyText, shortAddress } from '../wording.ts';
import type { MonitorView, ProviderRow, Sale, Snapshot } from './types.ts';

const bars = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
const labelWidth = 10;
const curveColumnsMax = 120;
/** Room of a text before its curve; longer texts have none. */
const factColumns = 46;
/** From this width on sales and providers stand side by side. */
const wideFrom = 150;
const gap = '   ';
/** The screen keeps two rows free. */
const rowsFree = 2;

type Styled = Pick<Out, 'style'>;

/** The lines for a window of this size. */
export function monitorPicture(out: Styled, view: MonitorView, size: ScreenSize): string[] {
  const { snapshot, history } = view;
  const line = (label: string, text: string, curve: readonly number[] = []) =>
    factLine(out, { label, text, curve }, size.columns - 1);
  const top = [
    '',
    headLine(out, snapshot, size.columns - 1),
    line('blocks', blocksText(snapshot), history.tx),
    line('finality', finalityText(snapshot), history.finality),
    line('jobs', jobsText(snapshot), history.busy),
    line('tokens', tokensText(snapshot), history.tokens),
    line('market', marketText(snapshot)),
    line('spend', spendText(snapshot)),
    line('provider', providerText(snapshot), history.speed),
    ...alertLines(out, snapshot),
  ];
  const room = size.rows - rowsFree - top.length - 2;
  return [...top, ...details(out, view, { columns: size.columns - 1, rows: room })];
}

function headLine(out: Styled, { atMs, chain }: Snapshot, columns: number): string {
  const name = `aitbc monitor  ${chain?.network ?? 'no chain'}  ${timeText(atMs)}`;
  const hint = 'q ends';
  const space = ' '.repeat(Math.max(2, columns - textWidth(name) - hint.length));
  return `${out.style('bold', name)}${space}${out.style('dim', hint)}`;
}

interface FactLine {
  readonly label: string;
  readonly text: string;
  readonly curve: readonly number[];
}

function factLine(out: Styled, { label, text, curve }: FactLine, columns: number): string {
  const head = out.style('dim', label.padEnd(labelWidth));
  const width = Math.max(factColumns, textWidth(text));
  const room = Math.min(curveColumnsMax, columns - labelWidth - width - gap.length);
  const line = room < 1 ? '' : curveText(curve, room);
  return line === ''
    ? `${head}${text}`
    : `${head}${padText(text, width)}${gap}${out.style('cyan', line)}`;
}

/** The newest numbers as bars, the highest of them full; nothing while all are zero. */
export function curveText(numbers: readonly number[], columns: number): string {
  const shown = numbers.slice(-Math.max(0, columns));
  const most = Math.max(0, ...shown);
  if (most === 0) return '';
  return shown.map((one) => bars[Math.min(7, Math.floor((one / most) * 7.99))]).join('');
}

function blocksText({ chain }: Snapshot): string {
  if (!chain) return 'the chain node does not answer';
  const { height, ageMs, blocksPerSecond, txPerSecond } = chain;
  const rate = `${blocksPerSecond.toFixed(1)}/s`;
  return `height ${height}, ${latencyText(ageMs)} old · ${rate} · ${txPerSecond.toFixed(1)} tx/s`;
}

function finalityText({ chain }: Snapshot): string {
  if (!chain) return '–';
  const { finalityMs, waitingTxs } = chain;
  const time = finalityMs === null ? 'not measured yet' : latencyText(finalityMs);
  return `${time} · ${counted(waitingTxs, 'transaction')} waiting`;
}

function jobsText({ market }: Snapshot): string {
  if (!market) return '–';
  const { running, slots, waiting, jobsLastMinute } = market;
  return `${running} of ${slots} slots busy · ${waiting} waiting · ${jobsLastMinute} a minute`;
}

function tokensText({ market }: Snapshot): string {
  if (!market) return '–';
  const { tokensPerSecond, chargedLastMinute } = market;
  return `${tokensPerSecond.toFixed(1)} tokens/s · ${aitText(chargedLastMinute)} a minute`;
}

function marketText({ market }: Snapshot): string {
  if (!market) return 'the coordinator does not answer';
  const { providers, offers, queued } = market;
  return `${counted(providers, 'provider')} · ${counted(offers, 'offer')} · ${queued} queued`;
}

function spendText({ spend }: Snapshot): string {
  if (!spend) return 'no gateway that lets us in';
  const { spentToday, dayLimit, payer } = spend;
  return `${aitText(spentToday)} of ${aitText(dayLimit)} today · ${shortAddress(payer)}`;
}

function providerText({ provider }: Snapshot): string {
  if (!provider) return 'none of yours answers';
  const { running, slots, tokensPerSecond, charged, claimed } = provider;
  const speed = tokensPerSecond === null ? [] : [`${tokensPerSecond.toFixed(1)} tokens/s`];
  const earned = `${aitText(charged)} earned, ${aitText(claimed)} claimed`;
  return [`${running} of ${slots} slots`, ...speed, earned].join(' · ');
}

function alertLines(out: Styled, { alerts }: Snapshot): string[] {
  const label = (text: string) => out.style('dim', text.padEnd(labelWidth));
  if (alerts.length === 0) return [`${label('alerts')}${out.style('green', 'none')}`];
  return alerts.map((text, at) => `${label(at === 0 ? 'alerts' : '')}${out.style('red', text)}`);
}

function details(out: Styled, { sales, rows }: MonitorView, size: ScreenSize): string[] {
  if (size.rows < 2) return [];
  if (size.columns < wideFrom) {
    return sales.length === 0 ? [] : ['', ...saleLines(out, sales, size.rows)];
  }
  const left = saleLines(out, sales, size.rows);
  const right = providerLines(out, rows, size.rows);
  const width = Math.floor(size.columns / 2);
  const both = Array.from({ length: Math.max(left.length, right.length) }, (_, at) =>
    `${padText(left[at] ?? '', width)}${right[at] ?? ''}`.trimEnd(),
  );
  return ['', ...both];
}

function saleLines(out: Styled, sales: readonly Sale[], rows: number): string[] {
  const lines = sales.slice(0, Math.max(0, rows - 1)).map((sale) => {
    const { atMs, model, provider, promptTokens, outputTokens, charged, outcome } = sale;
    const tokens = `${promptTokens} + ${outputTokens}`.padStart(11);
    const end = outcome === 'complete' ? '' : ` ${outcome}`;
    return `${timeText(atMs)}  ${shortAddress(provider)}  ${cut(model, 18)}${tokens}  ${aitText(charged)}${end}`;
  });
  return [out.style('dim', 'newest sales'), ...lines];
}

function providerLines(out: Styled, rows: readonly ProviderRow[], room: number): string[] {
  const sorted = [...rows].sort((left, right) => right.running - left.running);
  const lines = sorted.slice(0, Math.max(0, room - 1)).map((row) => {
    const load = `${row.running} of ${row.slots}`.padStart(9);
    const waiting = row.waiting > 0 ? `, ${row.waiting} waiting` : '';
    return `${shortAddress(row.provider)}  ${cut(row.models.join(', '), 32)}${load}${waiting}`;
  });
  return [out.style('dim', 'providers'), ...lines];
}

function cut(text: string, columns: number): string {
  const short = text.length > columns ? `${text.slice(0, columns - 1)}…` : text;
  return padText(short, columns);
}

/** `12:30:05`, in local time. */
function timeText(atMs: number): string {
  const date = new Date(atMs);
  const parts = [date.getHours(), date.getMinutes(), date.getSeconds()];
  return parts.map((part) => String(part).padStart(2, '0')).join(':');
}

/** One snapshot as one line, for pipes and logs. */
export function snapshotLine(snapshot: Snapshot): string {
  const { chain, market, spend, provider, alerts } = snapshot;
  const finality =
    chain?.finalityMs === null || !chain ? [] : [`final in ${latencyText(chain.finalityMs)}`];
  const parts = [
    chain ? `block ${chain.height}, ${durationText(chain.ageMs)} old` : 'no chain',
    ...finality,
    ...(chain ? [`${chain.txPerSecond.toFixed(1)} tx/s`] : []),
    market ? `${market.running} of ${market.slots} slots busy` : 'no market',
    ...(market
      ? [`${market.jobsLastMinute} jobs a minute`, `${market.tokensPerSecond.toFixed(1)} tokens/s`]
      : []),
    ...(spend ? [`${aitText(spend.spentToday)} spent today`] : []),
    ...(provider ? [`${aitText(provider.charged)} earned`] : []),
    `alerts: ${alerts.join('; ') || 'none'}`,
  ];
  return `${timeText(snapshot.atMs)}  ${parts.join(' · ')}`;
}
