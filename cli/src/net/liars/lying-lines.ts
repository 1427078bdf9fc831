/**
 * Providers that lie on the line: the daemon is honest, what its buyers get is not. Every second paid call or so meets a
 * lie, so that such a provider also finds buyers.
 */
import type { ProviderRole } from '../contract.ts';
import type { Draw } from '../plan/draw.ts';
import { type FaultProxy, type LateFault, type LineFault, startFaultProxy } from './fault-proxy.ts';

/** Share of calls that meet a lie. */
const lieShare = 0.6;
/** Share of the lies about text that change words; the others replay an old answer. */
const alterShare = 0.5;
const wordsMost = 40;
const answersKept = 8;

const breaks: readonly LateFault[] = ['reset', 'fin', 'clean-end', 'truncated-line', 'error-event'];
const rubbish: readonly LateFault[] = [
  ...(['garbage-line', 'html-in-stream', 'oversized-line'] as const),
  ...(['forged-receipt', 'huge-count'] as const),
];
const silences: readonly LateFault[] = ['stall', 'only-comments'];

/** Starts the line of a liar; undefined for providers that do not lie there. */
export async function startLyingLine(
  role: ProviderRole,
  { upstream, draw }: { readonly upstream: string; readonly draw: Draw },
): Promise<FaultProxy | undefined> {
  const kept: string[] = [];
  const lie = lieOf(role, draw, kept);
  if (!lie) return undefined;
  const line = await startFaultProxy({
    choose: () => (draw.fraction() < lieShare ? lie() : undefined),
    keep(answer) {
      if (answer.includes('data: [DONE]') && kept.length < answersKept) kept.push(answer);
    },
  });
  line.connect(upstream);
  return line;
}

function lieOf(
  role: ProviderRole,
  draw: Draw,
  kept: readonly string[],
): (() => LineFault | undefined) | undefined {
  const late = (faults: readonly LateFault[]) => (): LineFault => {
    return { late: draw.oneOf(faults), after: draw.between(1, wordsMost) };
  };
  if (role === 'stopsMidStream') return late(breaks);
  if (role === 'garbage') return late(rubbish);
  if (role === 'stalls') {
    return () => (draw.fraction() < lieShare ? late(silences)() : { early: 'half-open' });
  }
  if (role !== 'replays') return undefined;
  return () => {
    if (kept.length === 0 || draw.fraction() < alterShare) return { manner: 'altered' };
    return { early: { status: 200, body: draw.oneOf(kept), type: 'text/event-stream' } };
  };
}
