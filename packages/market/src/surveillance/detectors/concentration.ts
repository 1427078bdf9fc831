/**
 * Hidden concentration: several providers of a model look independent, are one owner's, and hold most of the volume.
 * Buyers who spread their jobs for safety do not spread them, and prices that look like a market are one seller's.
 *
 * Of each model the last `lookBack` receipts count. Sellers are grouped by the funding graph. One seller that is simply the
 * best is not hidden and no alert, whatever its share.
 */
import type { Hex } from '@aitbc/protocol';
import { createBounded, pushBounded } from '../bounded.ts';
import {
  type ChainEvent,
  createReporter,
  type Detector,
  noAlerts,
  savedPart,
} from '../detector.ts';
import { createFunding, type Funding } from '../funding.ts';
import { isReceipt } from '../receipt-event.ts';

interface Model {
  count: number;
  last: [seq: number, provider: string, chargedNait: number][];
}

interface Group {
  readonly members: string[];
  readonly txs: Hex[];
  chargedNait: number;
}

const lookBack = 96;
const modelsKept = 512;
/** Groups are formed at every sixteenth receipt of a model: all pairs of sellers are compared. */
const every = 16;
const sellersMax = 24;

const thresholds = {
  receiptsMin: { value: 64, unit: 'receipts', about: 'of the model among the last 96' },
  membersMin: { value: 2, unit: 'providers', about: 'of one owner' },
  othersMin: { value: 2, unit: 'providers', about: 'that do not belong to it' },
  sharePercent: { value: 60, unit: '%', about: 'of what the receipts cost went to the owner' },
  hubAccounts: { value: 8, unit: 'accounts', about: 'who funded as many ties nobody' },
  fundingMinNait: { value: 1_000_000, unit: 'nait', about: 'smaller transfers tie nobody' },
} as const;

/** Finds owners behind several sellers. */
export const concentration: Detector = {
  name: 'concentration',
  about: 'Several providers that look independent are one owner and hold most of a model’s volume',
  watches: ['transfer', 'receipt'],
  thresholds,
  create(limits, options = {}) {
    const { saved, everyTime = false } = options;
    const { receiptsMin = 0, membersMin = 0, othersMin = 0, sharePercent = 0 } = limits;
    const { hubAccounts = 0, fundingMinNait = 0 } = limits;
    const reporter = createReporter('concentration', limits, options);
    const funding = createFunding(
      { hubAccounts, fundingMinNait, publicSources: options.publicSources ?? [] },
      savedPart(saved, 'funding'),
    );
    const models = createBounded<Model>(modelsKept, savedPart(saved, 'models'));

    const judge = (atMs: number, name: string, { last }: Model) => {
      const groups = groupsOf(last, funding);
      const top = groups.reduce((best, one) => (one.chargedNait > best.chargedNait ? one : best));
      const others = groups.reduce((sum, one) => sum + one.members.length, -top.members.length);
      const all = groups.reduce((sum, one) => sum + one.chargedNait, 0);
      if (top.members.length < membersMin || others < othersMin) return noAlerts;
      if (all === 0 || top.chargedNait * 100 < sharePercent * all) return noAlerts;
      return reporter.say(atMs, {
        level: 'low',
        confidence: 70,
        subjects: top.members.sort().map((address) => ({ role: 'provider' as const, address })),
        text: `${top.members.length} providers of one owner hold ${Math.round((top.chargedNait * 100) / all)} % of the last ${last.length} receipts of ${name}`,
        txs: top.txs,
        events: last.map(([seq]) => seq),
      });
    };
    return {
      take(event) {
        if (!isReceipt(event)) {
          funding.add(event as ChainEvent);
          return noAlerts;
        }
        const { model: name, charged } = event.facts;
        const model = models.open(name, () => ({ count: 0, last: [] }));
        model.count += 1;
        pushBounded(model.last, [event.seq, event.provider, Number(charged)], lookBack);
        const isDue = model.last.length >= receiptsMin && (everyTime || model.count % every === 0);
        return isDue ? judge(event.atMs, name, model) : noAlerts;
      },
      save: () => ({ said: reporter.save(), funding: funding.save(), models: models.save() }),
    };
  },
};

/** Sellers in groups of one owner each; a seller joins the first group that one of its members is tied to. */
function groupsOf(last: Model['last'], funding: Funding): Group[] {
  const sellers = new Map<string, number>();
  for (const [, provider, nait] of last) {
    sellers.set(provider, (sellers.get(provider) ?? 0) + nait);
  }
  const largest = [...sellers].sort((a, b) => b[1] - a[1]).slice(0, sellersMax);
  const groups: Group[] = [];
  for (const [provider, chargedNait] of largest) {
    const home = joinOf(groups, provider, funding);
    if (home) home.chargedNait += chargedNait;
    else groups.push({ members: [provider], txs: [], chargedNait });
  }
  return groups;
}

function joinOf(groups: readonly Group[], provider: string, funding: Funding): Group | undefined {
  for (const group of groups) {
    for (const member of group.members) {
      const tie = funding.tieOf(member, provider);
      if (!tie) continue;
      group.members.push(provider);
      group.txs.push(...tie.txs);
      return group;
    }
  }
  return undefined;
}
