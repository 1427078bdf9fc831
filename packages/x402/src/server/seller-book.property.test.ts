import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type SellerEntry, withSale } from './seller-book.ts';

/** What may happen: a fresh sale that costs a part of its price, or a voucher that was seen before. */
const step = fc.oneof(
  fc.record({
    kind: fc.constant('sale' as const),
    price: fc.bigInt({ min: 1n, max: 1_000n }),
    cost: fc.integer({ min: 0, max: 100 }),
  }),
  fc.record({
    kind: fc.constant('replay' as const),
    which: fc.nat(50),
    price: fc.bigInt({ min: 1n, max: 1_000n }),
  }),
  fc.record({ kind: fc.constant('claim' as const) }),
);

const jobOf = (number: number): string => number.toString(16).padStart(64, '0');

test('whatever is shown again, nothing is sold twice and never more is due than was signed', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      let entry: SellerEntry | undefined;
      let due = 0n; // what an honest buyer has promised in all, at full price
      let totalClaimed = 0n;
      const shown: { jobId: string; cap: bigint }[] = [];
      const ask = (jobId: string, cap: bigint, amountNait: bigint) => {
        const voucher = { channelId: '', maxClaimable: cap, context: '', signature: '' };
        return withSale(entry, { jobId, amountNait, voucher, totalClaimed, reserved: 0n });
      };
      for (const next of steps) {
        if (next.kind === 'claim') totalClaimed = entry?.charged ?? 0n;
        else if (next.kind === 'sale') {
          due += next.price;
          const jobId = jobOf(shown.length);
          const sold = ask(jobId, due, next.price);
          if (!sold.ok) throw new Error(`an honest sale was refused: ${sold.code}`);
          shown.push({ jobId, cap: due });
          const cost = (next.price * BigInt(next.cost)) / 100n;
          entry = { ...sold.value, charged: sold.value.charged + cost };
        } else {
          const old = shown[next.which];
          if (old) expect(ask(old.jobId, old.cap, next.price).ok).toBe(false);
        }
        if (entry) expect(entry.charged <= entry.best.maxClaimable).toBe(true);
        if (entry) expect(entry.charged <= due).toBe(true);
      }
    }),
  );
});
