/** `aitbc ai-trading signals`: what each strategy would do now. */
import { type Strategy, unitPriceOf, viewOf, type World } from '@aitbc/market';
import { aitText } from '../../amounts.ts';
import { defineCommand } from '../../command/define-command.ts';
import { othersNow } from '../../trading/live-view.ts';
import { loadStrategies } from '../../trading/load-strategies.ts';
import { barMsOf, setupFrom, setupOptions, tapeOptions } from '../../trading/market-options.ts';
import { openMarketRecord, recordEvents, worldFrom } from '../../trading/record-events.ts';
import { chooseParameters } from '../../trading/trained.ts';

const hourMs = 3_600_000;

export default defineCommand({
  summary: 'What each strategy would do now, with trained parameters where there are some',
  details:
    'Sellers: the price they would ask. Buyers: whether work that may wait six hours would run.',
  options: { ...tapeOptions, ...setupOptions },
  examples: [{ line: 'aitbc ai-trading signals --model qwen3:8b', note: 'nothing is changed' }],
  async run(context, { options }) {
    const { out } = context;
    const { model, days, until: untilMs } = options;
    const record = await openMarketRecord(context);
    await recordEvents(context, record);
    const world = worldFrom(record, { model, days, barMs: barMsOf(options.bar), untilMs });
    const setup = await setupFrom(context, world, options);
    const others = await othersNow(context, model, options.self);
    const price = unitPriceOf(setup.seller.prices);
    const now = { others, price, cost: options.cost, tokens: options.workTokens };
    const known = await loadStrategies(context);
    const signals = known.map(({ strategy }) => {
      const { parameters, source } = chooseParameters(context, strategy, {
        model,
        typed: undefined,
      });
      const decided = decide(world, strategy.create(parameters), now);
      return { strategy: strategy.name, side: strategy.side, parameters: source, ...decided };
    });
    const atMs = Date.now();
    out.result({ model, atMs, lowestOffer: others.lowest, offers: others.offers, signals }, () =>
      out.table(
        signals.map(({ strategy, side, price: asked, run, reason }) => [
          ...[strategy, side, asked === null ? (run ? 'run now' : 'wait') : aitText(asked), reason],
        ]),
        { head: ['strategy', 'side', 'would', 'because'] },
      ),
    );
  },
});

interface Now {
  readonly others: Awaited<ReturnType<typeof othersNow>>;
  readonly price: bigint;
  readonly cost: bigint;
  readonly tokens: number;
}

/** Both sides see the same; each takes what it knows. */
function decide(world: World, trader: ReturnType<Strategy['create']>, now: Now) {
  const { bars, barMs } = world;
  const nowMs = Date.now();
  const { others, price, cost, tokens } = now;
  const decided = trader.decide({
    ...{ nowMs, barMs, bars: viewOf(bars, bars.length), others },
    own: { price, firstPrice: price, cost, busyBps: 0n },
    work: { tokens, arrivedMs: nowMs, deadlineMs: nowMs + 6 * hourMs },
  });
  const { reason } = decided;
  return 'run' in decided
    ? { price: null, run: decided.run, reason }
    : { price: decided.price, run: null, reason };
}
