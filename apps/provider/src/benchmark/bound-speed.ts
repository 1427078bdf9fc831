/**
 * The plausibility bound of a measured speed. To make one token of one stream, a dense model reads each of
 * its weights once, so
 *
 *   tokens/s  ≤  memory bandwidth of the cards ÷ bytes of the weights
 *
 * A machine that claims more runs another model, answers from a cache, or is another machine. Both sides of
 * the bound are taken generously: the bandwidth of the fastest card of the name, all cards added, weights
 * at the nominal bits of their quantization, and a tenth on top for clocks above the usual.
 *
 * Where it says nothing (`unknown`): a card that is not in the table, a model whose size is not known, a
 * mixture of experts without its active size in its name, a model small enough for a cache, and an engine
 * that works on the processor. Speculative decoding may pass the bound honestly: a verdict is a reason to
 * look, and takes nobody's money.
 */
import type { Gpu } from '../inventory/gpu.ts';

/** Clocks above the usual. */
const margin = 1.1;
/** The largest cache of a card in the table has 256 MB; weights must not fit. */
const weightsBytesMin = 1_000_000_000;
const gb = 1e9;

/** GB/s as the makers publish them, by words of the name; longer words are looked at first. */
const bandwidths: readonly (readonly [string, number])[] = (
  [
    ...[
      ['rtx 5090', 1792],
      ['rtx 5080', 960],
      ['rtx 5070 ti', 896],
      ['rtx 5070', 672],
    ],
    ...[
      ['rtx 5060 ti', 448],
      ['rtx 5060', 448],
      ['rtx 4090', 1008],
      ['rtx 4080', 736],
    ],
    ...[
      ['rtx 4070 ti super', 672],
      ['rtx 4070', 504],
      ['rtx 4060 ti', 288],
      ['rtx 4060', 272],
    ],
    ...[
      ['rtx 3090 ti', 1008],
      ['rtx 3090', 936],
      ['rtx 3080', 912],
      ['rtx 3070 ti', 608],
    ],
    ...[
      ['rtx 3070', 448],
      ['rtx 3060 ti', 608],
      ['rtx 3060', 360],
      ['rtx 2080 ti', 616],
    ],
    ...[
      ['rtx pro 6000', 1792],
      ['rtx 6000 ada', 960],
      ['rtx a6000', 768],
      ['rtx a5000', 768],
    ],
    ...[
      ['b200', 8000],
      ['gh200', 4900],
      ['h200', 4800],
      ['h100 pcie', 2039],
      ['h100 nvl', 3938],
    ],
    ...[
      ['h100', 3352],
      ['a100', 2039],
      ['l40', 864],
      ['l40s', 864],
      ['l4', 300],
      ['a40', 696],
      ['a30', 933],
    ],
    ...[
      ['a10', 600],
      ['a10g', 600],
      ['t4', 320],
      ['v100', 1134],
      ['p40', 347],
      ['p100', 732],
    ],
    ...[
      ['mi355x', 8000],
      ['mi325x', 6000],
      ['mi300x', 5325],
      ['mi250x', 3277],
      ['mi210', 1638],
    ],
    ...[
      ['rx 7900 xtx', 960],
      ['rx 7900 xt', 800],
      ['rx 7800 xt', 624],
      ['rx 9070 xt', 645],
    ],
    ...[
      ['rx 6900 xt', 512],
      ['rx 6800 xt', 512],
      ['w7900', 864],
      ['w7800', 576],
    ],
    ...[
      ['m1 ultra', 800],
      ['m1 max', 400],
      ['m1 pro', 200],
      ['m1', 68],
      ['m2 ultra', 800],
    ],
    ...[
      ['m2 max', 400],
      ['m2 pro', 200],
      ['m2', 100],
      ['m3 ultra', 819],
      ['m3 max', 400],
    ],
    ...[
      ['m3 pro', 150],
      ['m3', 100],
      ['m4 max', 546],
      ['m4 pro', 273],
      ['m4', 120],
      ['m5', 153],
    ],
  ] as [string, number][]
).sort(([a], [b]) => b.length - a.length);

/** Bandwidth of a card in bytes a second: what its tool says, else that of its name; null when neither tells. */
export function bandwidthOf({ name, bandwidthBytesPerSecond }: Gpu): number | null {
  if (bandwidthBytesPerSecond !== null) return bandwidthBytesPerSecond;
  const words = ` ${name.toLowerCase().replace(/[^a-z0-9]+/g, ' ')} `;
  const known = bandwidths.find(([card]) => words.includes(` ${card} `));
  return known ? known[1] * gb : null;
}

/** What a bound is made of. */
export interface SpeedClaim {
  readonly model: string;
  readonly parameters: number | undefined;
  readonly quantization: string | undefined;
  readonly tokensPerSecond: number;
  /** Cards that the engine may use; empty where it works on the processor. */
  readonly gpus: readonly Gpu[];
}

/** The verdict on a speed. */
export interface Plausibility {
  readonly verdict: 'plausible' | 'impossible' | 'unknown';
  readonly tokensPerSecondMax: number | null;
  readonly reason: string;
}

/** Whether single-stream decoding at this speed can be. */
export function judgeSpeed(claim: SpeedClaim): Plausibility {
  const { gpus, tokensPerSecond } = claim;
  if (gpus.length === 0) return unknown('no graphics card is known');
  const speeds = gpus.map(bandwidthOf);
  if (speeds.includes(null)) return unknown('the bandwidth of a card is not known');
  const bytes = weightsBytesOf(claim);
  if (bytes === undefined) return unknown('the size of the weights is not known');
  if (bytes < weightsBytesMin) return unknown('the weights may fit in a cache');
  const bandwidth = speeds.reduce<number>((sum, speed) => sum + (speed ?? 0), 0);
  const tokensPerSecondMax = (bandwidth * margin) / bytes;
  const facts = `${Math.round(bandwidth / gb)} GB/s ÷ ${(bytes / gb).toFixed(1)} GB of weights`;
  const isPossible = tokensPerSecond <= tokensPerSecondMax;
  return { verdict: isPossible ? 'plausible' : 'impossible', tokensPerSecondMax, reason: facts };
}

function unknown(reason: string): Plausibility {
  return { verdict: 'unknown', tokensPerSecondMax: null, reason };
}

/** Names of models of which each token reads a part only, when the name does not say how much. */
const mixtures = /mixtral|moe|gpt-?oss|deepseek|llama-?4|kimi|glm-4\.5|minimax|\d+x\d+b/i;

/** Least bytes that a token reads. */
function weightsBytesOf(claim: SpeedClaim): number | undefined {
  const { model, parameters, quantization = '' } = claim;
  const bits = bitsOf(quantization);
  if (bits === undefined) return undefined;
  const active = /-a(\d+(?:\.\d+)?)b/i.exec(model)?.[1];
  if (active !== undefined) return (Number(active) * 1e9 * bits) / 8;
  if (parameters === undefined || mixtures.test(model)) return undefined;
  return (parameters * bits) / 8;
}

/** Nominal bits of a weight; blocks carry more for their scales, which only makes the bound more generous. */
function bitsOf(quantization: string): number | undefined {
  const name = quantization.toUpperCase();
  if (/^(B?F16|FP16|BF16)/.test(name)) return 16;
  if (/^F(P)?32/.test(name)) return 32;
  if (/^(FP8|INT8|W8)/.test(name)) return 8;
  if (/^(MXFP4|NVFP4|FP4|INT4|AWQ|GPTQ|W4)/.test(name)) return 4;
  const digits = /^I?T?Q(\d)/.exec(name)?.[1];
  return digits === undefined ? undefined : Number(digits);
}
