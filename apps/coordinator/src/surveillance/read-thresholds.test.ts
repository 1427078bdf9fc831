import { detectors } from '@aitbc/market';
import { expect, test } from 'vitest';
import { readThresholds } from './read-thresholds.ts';

test('thresholds are those of the detectors, changed by the settings', () => {
  const values = readThresholds(detectors, [
    'self-dealing.receiptsMin=20',
    'price-jump.windowMs=5',
  ]);
  expect(values.get('self-dealing')).toMatchObject({ receiptsMin: 20, sharePercent: 60 });
  expect(values.get('price-jump')).toMatchObject({ windowMs: 5 });
  expect(values.get('equivocation')).toEqual({});
});

test.each([
  ['self-dealing.receiptMin=20', 'CONFIG_UNKNOWN_KEY'],
  ['nothing.receiptsMin=20', 'CONFIG_UNKNOWN_KEY'],
  ['self-dealing.receiptsMin=-1', 'CONFIG_INVALID'],
  ['self-dealing', 'CONFIG_INVALID'],
])('%s is refused', (setting, code) => {
  expect(() => readThresholds(detectors, [setting])).toThrow(expect.objectContaining({ code }));
});

test('a wrong name is answered with the nearest one', () => {
  expect(() => readThresholds(detectors, ['self-dealing.receiptMin=20'])).toThrow(
    expect.objectContaining({
      facts: expect.objectContaining({ nearest: 'self-dealing.receiptsMin' }),
    }),
  );
});
