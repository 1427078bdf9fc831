/** The plugin that `init` writes: a whole strategy in one file, to be changed. */
export const exampleStrategy = `/**
 * A strategy of your own. Prices are nait for a million tokens, all numbers are bigint (1n).
 * decide() sees only the past: bars.at(i), bars.last(n), the offers of others now, and your own price.
 * Try it:  aitbc ai-trading backtest --strategy nights-cheaper --model MODEL --days 7
 */
const hourMs = 3_600_000;

export default {
  name: 'nights-cheaper',
  side: 'seller',
  about: 'Asks less in the hours in which little is bought',
  parameters: {
    lessBps: {
      about: 'how much less at night, 1/10 000',
      usual: 2_000n,
      least: 0n,
      most: 9_000n,
      tried: [1_000n, 2_000n, 4_000n],
    },
  },
  create: ({ lessBps }) => ({
    decide({ nowMs, own }) {
      const hour = Math.floor(nowMs / hourMs) % 24; // UTC
      const isNight = hour < 6;
      const price = isNight ? (own.firstPrice * (10_000n - lessBps)) / 10_000n : own.firstPrice;
      return { price: price < own.cost ? own.cost : price, reason: isNight ? 'night' : 'day' };
    },
    serialise: () => '',
    restore() {},
  }),
};
`;
