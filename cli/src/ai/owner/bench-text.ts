/** Benchmark results as people read them. */
import type { OutputOf, providerEndpoints } from '@aitbc/protocol';
import type { Out } from '../../context/out.ts';
import { counted, latencyText } from '../../wording.ts';

type Benchmark = OutputOf<typeof providerEndpoints.bench>['benchmarks'][number];

/** One block for each model. */
export function benchText(out: Out, benchmarks: readonly Benchmark[]): string {
  if (benchmarks.length === 0) return 'The provider has no model that answers chats.';
  return benchmarks.map((benchmark) => blockOf(out, benchmark)).join('\n\n');
}

function blockOf(out: Out, benchmark: Benchmark): string {
  const { model, engine, engineVersion, slots, firstCallMs, prefill, plausibility } = benchmark;
  const facts = out.table([
    ['model', model],
    ['engine', `${engine} ${engineVersion}`],
    ['slots', `${slots}`],
    ['first call', latencyText(firstCallMs)],
    ...prefill.map(({ promptTokens, tokensPerSecond, firstTokenMs }) => [
      'prefill',
      `${counted(promptTokens, 'token')} in ${latencyText(firstTokenMs)}: ${tokensPerSecond.toFixed(0)} tokens/s`,
    ]),
    ['decode', `${benchmark.decodeTokensPerSecond.toFixed(1)} tokens/s, one stream`],
    ['plausible', plausibleText(plausibility)],
  ]);
  const ladder = out.table(
    benchmark.ladder.map((step) => [
      `${step.atOnce}`,
      step.tokensPerSecond.toFixed(1),
      latencyText(step.firstTokenMsP50),
      latencyText(step.gapMsP50),
      latencyText(step.gapMsP95),
    ]),
    {
      head: ['at once', 'tokens/s in all', '1st token', 'gap p50', 'gap p95'],
      right: [0, 1, 2, 3, 4],
    },
  );
  return `${facts}\n\n${ladder}`;
}

function plausibleText({ verdict, reason, tokensPerSecondMax }: Benchmark['plausibility']): string {
  const bound =
    tokensPerSecondMax === null ? '' : `at most ${tokensPerSecondMax.toFixed(0)} tokens/s: `;
  return `${verdict} (${bound}${reason})`;
}
