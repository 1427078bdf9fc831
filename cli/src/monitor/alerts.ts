/** What is wrong at one moment, in sentences: the worst first. */
import { amountOf } from '@aitbc/protocol';
import { aitText } from '../amounts.ts';
import { plainText } from '../context/out.ts';
import { counted, durationText } from '../wording.ts';
import type { Snapshot } from './types.ts';

/** Part of the budget of a day below which there is an alert: one in so many. */
const budgetPart = 20n;

/** Names of the parts of a snapshot. */
type PartName = 'chain' | 'market' | 'spend' | 'provider';

/** A round, and what was there before. */
export interface AlertFacts extends Pick<Snapshot, PartName> {
  /** Parts that answered at some time. */
  readonly seen: ReadonlySet<string>;
  /** What the detectors of the coordinator say. */
  readonly warnings: readonly string[];
  /** Why a part is empty. */
  readonly codes: Readonly<Record<PartName, string | null>>;
}

const daemons: Readonly<Record<PartName, string>> = {
  chain: 'the chain node',
  market: 'the coordinator',
  spend: 'the gateway',
  provider: 'the provider',
};

/** The alerts; empty when all is well. */
export function alertsOf(facts: AlertFacts): string[] {
  const { chain, market, spend, provider } = facts;
  const gone = (Object.keys(daemons) as PartName[]).flatMap((name) => goneText(facts, name) ?? []);
  const left = spend ? amountOf(spend.dayLimit) - amountOf(spend.spentToday) : undefined;
  const isLow = spend && left !== undefined && left * budgetPart < amountOf(spend.dayLimit);
  return [
    ...gone,
    ...(chain?.isQuiet ? [`no block for ${durationText(chain.ageMs)}`] : []),
    ...(market?.providers === 0 ? ['no provider is connected'] : []),
    ...(provider?.models === 0 ? ['the engine of the provider does not answer'] : []),
    ...(provider && provider.accused > 0
      ? [`${counted(provider.accused, 'dispute')} against the provider`]
      : []),
    ...facts.warnings.map(plainText),
    ...(isLow ? [`only ${aitText(left)} of the budget of today are left`] : []),
  ];
}

/** Node and coordinator should be there; of the others only what was there before can be missed. */
function goneText({ seen, codes }: AlertFacts, name: PartName): string | undefined {
  const code = codes[name];
  if (code === null) return undefined;
  if (code === 'UNAUTHORIZED' && name === 'spend') return 'the gateway wants an API key';
  const isMissed = name === 'chain' || name === 'market' || seen.has(name);
  if (!isMissed) return undefined;
  return `${daemons[name]} does not answer (${code})`;
}
