/**
 * Engines for the providers of a plan, and what each provider is started with. Most share one scripted server; those whose
 * answers can be replayed run the small model, and one of them another model under its name.
 */
import { bundledModelPath } from '@aitbc/provider/testing';
import type {
  Engines,
  Plan,
  ProviderPlace,
  ProviderRole,
  ProviderWiring,
  TownFacts,
} from '../contract.ts';
import type { FaultProxy } from '../liars/fault-proxy.ts';
import { startLyingLine } from '../liars/lying-lines.ts';
import { createDraw, type Draw } from '../plan/draw.ts';
import { builtFile } from '../town/built.ts';
import { smallModelPath } from './model-engines.ts';
import { type EngineRun, type ScriptedServer, startScriptedServer } from './scripted-server.ts';

const tokenMs = 20;
/** Enough for a receipt to count more tokens than its text can have. */
const inflatedTokens = 10;
/**
 * Longer than the chain can stand still by the faults of a run: a withdrawal whose delay is over when the first block comes
 * is faster than any claim.
 */
export const withdrawDelayMs = 40_000;
const claimEveryMs = 5_000;
/** Salt of the draws, so that they are not those of the plan. */
const drawSalt = 0x5eed;

/** Engines with the notes of the scripted server. */
export interface CastEngines extends Engines {
  runs(): readonly EngineRun[];
}

/** Starts them. */
export async function startEngines(plan: Plan, facts: TownFacts): Promise<CastEngines> {
  const draw = createDraw(plan.seed ^ drawSalt);
  const roleOf = new Map(facts.providers.map(({ name, role }) => [name, role]));
  const server = await startScriptedServer({
    tokenMs,
    mannerOf: (name) => ({ tokensPerWord: roleOf.get(name) === 'inflates' ? inflatedTokens : 1 }),
    nowMs: () => performance.now(),
  });
  const lines: FaultProxy[] = [];
  const wirings: ProviderWiring[] = [];
  for (const place of facts.providers) {
    const line = await startLyingLine(place.role, { upstream: place.url, draw });
    if (line) lines.push(line);
    const publicUrl = line ? { publicUrl: line.url } : {};
    wirings.push({ ...wiringOf(place, { draw, server }), ...publicUrl });
  }
  return {
    wirings,
    runs: server.runs,
    async stop() {
      await Promise.all(lines.map((line) => line.stop()));
      await server.stop();
    },
  };
}

interface Making {
  readonly draw: Draw;
  readonly server: ScriptedServer;
}

function wiringOf({ name, role, isVerifiable }: ProviderPlace, making: Making): ProviderWiring {
  const { draw, server } = making;
  const common = [
    ...['--withdraw-delay-ms-min', `${withdrawDelayMs}`, '--benchmark', 'never'],
    ...['--claim-interval-ms', `${claimEveryMs}`, '--audit-poll-ms', '500'],
    ...['--first-token-ms', '5000', ...pricesOf(role, draw)],
  ];
  if (!isVerifiable) {
    const engine = ['--engine', 'openai', '--openai-url', server.urlFor(name)];
    return { args: [...engine, '--resume', 'exact', '--slots', '8', ...common] };
  }
  const [large, small] = [bundledModelPath(), smallModelPath()];
  const args = ['--engine', 'embedded', ...common];
  if (role !== 'otherModel') return { args: [...args, '--model-path', small] };
  return {
    args: [...args, '--model-path', large],
    entry: builtFile('liars/other-model.js'),
    env: { AITBC_NET_SHOWN_MODEL: small },
  };
}

/** Liars are a little cheaper, so that they are met; who sells another model is the cheapest by far. */
function pricesOf(role: ProviderRole, draw: Draw): string[] {
  const share = draw.between(90, 110) - discountOf(role);
  return ['--price-output', `${share * 1_500_000}`, '--price-input', `${share * 500_000}`];
}

function discountOf(role: ProviderRole): number {
  if (role === 'otherModel') return 40;
  return role === 'honest' ? 0 : 15;
}
