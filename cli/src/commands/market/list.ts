/** `aitbc market list`: offers of all connected providers. */
import { defineCommand } from '../../command/define-command.ts';
import { listAll } from '../../market/list-all.ts';
import { offerHead, offerRight, offerRow } from '../../market/offer-rows.ts';

export default defineCommand({
  summary: 'Models on offer: price, speed, load',
  details:
    'Prices are per million tokens in and out. Speed is the median of what buyers measured. Load is running jobs of slots, and how many wait.',
  options: { model: { flags: '-m, --model <name>', help: 'only this model' } },
  examples: [
    { line: 'aitbc market list', note: 'everything that can be bought now' },
    { line: 'aitbc market list --model qwen3:8b', note: 'who offers this model' },
  ],
  async run({ out, clients, signal }, { options }) {
    const { coordinator } = await clients();
    const { model } = options;
    const offers = await listAll(async (after) => {
      const page = await coordinator.listOffers({ model, after }, { signal });
      return { rows: page.offers, next: page.next };
    });
    out.result({ offers }, () =>
      offers.length === 0
        ? `Nobody offers ${model ?? 'anything'} now. Offer something yourself: aitbc ai serve`
        : out.table(offers.map(offerRow), { head: offerHead, right: offerRight }),
    );
  },
});
