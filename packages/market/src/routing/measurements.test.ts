import { expect, test } from 'vitest';
import { createMeasurements } from './measurements.ts';

const receipt = { provider: 'p', model: 'm', to: 101 };

test('nothing is known before the first receipt', () => {
  expect(createMeasurements().of('p', 'm')).toEqual({
    firstTokenMsP50: null,
    firstTokenMsP90: null,
    tokensPerSecondP50: null,
    samples: 0,
  });
});

test('percentiles are of the samples of that provider and model only', () => {
  const measurements = createMeasurements();
  for (let sample = 1; sample <= 10; sample += 1) {
    measurements.add(receipt, { firstTokenMs: sample * 10, durationMs: sample * 10 + 2_000 });
  }
  measurements.add({ ...receipt, model: 'n' }, { firstTokenMs: 9_999, durationMs: 9_999 });
  expect(measurements.of('p', 'm')).toEqual({
    firstTokenMsP50: 50,
    firstTokenMsP90: 90,
    tokensPerSecondP50: 50,
    samples: 10,
  });
  expect(measurements.of('q', 'm').samples).toBe(0);
});

test('only the newest 64 samples count', () => {
  const measurements = createMeasurements();
  for (let sample = 0; sample < 64; sample += 1) {
    measurements.add(receipt, { firstTokenMs: 1_000, durationMs: 2_000 });
  }
  expect(measurements.of('p', 'm').firstTokenMsP50).toBe(1_000);
  for (let sample = 0; sample < 64; sample += 1) {
    measurements.add(receipt, { firstTokenMs: 10, durationMs: 1_010 });
  }
  expect(measurements.of('p', 'm')).toMatchObject({ firstTokenMsP90: 10, samples: 64 });
});

test('a job without tokens measures nothing, one with a single token no speed', () => {
  const measurements = createMeasurements();
  measurements.add({ ...receipt, to: 0 }, { firstTokenMs: 10, durationMs: 20 });
  expect(measurements.of('p', 'm').samples).toBe(0);
  measurements.add({ ...receipt, to: 1 }, { firstTokenMs: 10, durationMs: 20 });
  expect(measurements.of('p', 'm')).toMatchObject({ samples: 1, tokensPerSecondP50: null });
});

test('the pair that was longest without a sample is forgotten first', () => {
  const measurements = createMeasurements({ pairsMax: 2 });
  const times = { firstTokenMs: 10, durationMs: 20 };
  for (const provider of ['a', 'b', 'a', 'c']) measurements.add({ ...receipt, provider }, times);
  expect(measurements.of('b', 'm').samples).toBe(0);
  expect(measurements.of('a', 'm').samples).toBe(2);
  expect(measurements.of('c', 'm').samples).toBe(1);
});
