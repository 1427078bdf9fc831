import { hex, keyPairFromSeed } from '@aitbc/primitives';
import { networkFromHash, signVoucher } from '@aitbc/protocol';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { correctedBy } from './client-book.ts';

const network = networkFromHash('ait-test', 'c4'.repeat(32));
const key = keyPairFromSeed(new Uint8Array(32).fill(3));
const channelId = '05'.repeat(32);
const context = '06'.repeat(32);
const channel = { network, channelId, payerAuthorizer: hex(key.publicKey) };
const amount = fc.bigInt({ min: 0n, max: 10_000n });

test('a seller is believed up to what was signed, by the book or by the voucher it shows', () => {
  fc.assert(
    fc.property(
      fc.record({ signedMax: amount, charged: amount, reserved: amount, shown: amount }),
      fc.boolean(),
      ({ signedMax, charged, reserved, shown }, isGenuine) => {
        const { signature } = signVoucher(
          network,
          { channelId, maxClaimable: isGenuine ? shown : shown + 1n, context },
          key.secretKey,
        );
        const extra = {
          channelState: { charged: `${charged}`, reserved: `${reserved}` },
          voucherState: { maxClaimable: `${shown}`, context, signature },
        };
        const proven = isGenuine && shown > signedMax ? shown : signedMax;
        const corrected = correctedBy({ due: 0n, signedMax }, extra, channel);
        const due = charged + reserved;
        if (due > proven) expect(corrected).toBeUndefined();
        else expect(corrected).toEqual({ due, signedMax: proven, isTold: true });
      },
    ),
    { numRuns: 200 },
  );
});

test.each([undefined, {}, { channelState: { charged: 1, reserved: '0' } }, { channelState: null }])(
  'books that are none are not believed (%#)',
  (extra) => {
    const entry = { due: 5n, signedMax: 5n };
    expect(correctedBy(entry, extra as Record<string, unknown>, channel)).toBeUndefined();
  },
);
