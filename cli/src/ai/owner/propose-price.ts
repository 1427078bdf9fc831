/** Asks the owner for a price, with what the market takes in front of them. */
import { aitFromNait, naitFromAit } from '@aitbc/primitives';
import { asAppError } from '@aitbc/protocol';
import { aitText } from '../../amounts.ts';
import type { Context } from '../../context/context.ts';
import { listAll } from '../../market/list-all.ts';
import { type ModelToPrice, type PriceSuggestion, suggestPrice } from './suggest-price.ts';

/** Prices of a million tokens, nait. */
export interface Prices {
  readonly input: bigint;
  readonly output: bigint;
}

/** Shows the market and asks; undefined when there is nothing to propose, and the usual price holds. */
export async function proposePrice(
  context: Context,
  models: readonly ModelToPrice[],
): Promise<Prices | undefined> {
  const { ask, out } = context;
  const suggestions = await suggestionsFor(context, models);
  const best = dearest(suggestions);
  if (!best) {
    out.note('Nobody sells anything like these models yet: the usual price holds.');
    return undefined;
  }
  out.note(marketText(context, suggestions));
  const question = (initial: bigint) => ({ initial: aitFromNait(initial), check: faultOf });
  const input = await ask.text('AIT for a million prompt tokens', question(best.input));
  const output = await ask.text('AIT for a million output tokens', question(best.output));
  return { input: naitFromAit(input) ?? best.input, output: naitFromAit(output) ?? best.output };
}

async function suggestionsFor(
  { clients, signal, out }: Context,
  models: readonly ModelToPrice[],
): Promise<readonly PriceSuggestion[]> {
  const { coordinator } = await clients();
  try {
    const offers = await listAll(async (after) => {
      const page = await coordinator.listOffers({ after }, { signal });
      return { rows: page.offers, next: page.next };
    });
    return models.flatMap((model) => suggestPrice(model, offers) ?? []);
  } catch (error) {
    const known = asAppError(error);
    if (!known.row.retryable) throw error;
    out.note(`The market cannot be seen: ${known.message}`);
    return [];
  }
}

/** A provider has one price for all its models: the dearest proposal, so that the largest is not given away. */
function dearest(suggestions: readonly PriceSuggestion[]): Prices | undefined {
  const [first, ...others] = suggestions.map(({ proposed }) => proposed);
  return others.reduce((best, next) => (best && best.output >= next.output ? best : next), first);
}

/** The market as a table. */
export function marketText(
  { out }: Pick<Context, 'out'>,
  rows: readonly PriceSuggestion[],
): string {
  const spread = ({ low, high }: PriceSuggestion['output']) =>
    low === high ? aitText(low) : `${aitFromNait(low)} – ${aitText(high)}`;
  return out.table(
    rows.map(({ model, basis, providers, input, output, utilisation }) => [
      model,
      `${providers}, ${basis}`,
      spread(input),
      spread(output),
      utilisation === null ? '–' : `${Math.round(utilisation * 100)} %`,
    ]),
    { head: ['model', 'sellers', 'in / M', 'out / M', 'busy'], right: [4] },
  );
}

function faultOf(text: string): string | undefined {
  return naitFromAit(text) === undefined ? 'An amount of AIT, like 0.15' : undefined;
}
