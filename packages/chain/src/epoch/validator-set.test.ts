import { type AppError, networkFromHash } from '@aitbc/protocol';
import { describe, expect, it } from 'vitest';
import { encodeEntry, keyOf } from '../entries.ts';
import { createWorld, worldParams } from '../testing/world.ts';
import { paramsOf } from './overrides.ts';
import { validatorSetOf, validatorsOfState } from './validator-set.ts';

const zero = '00'.repeat(32);
const stateOf = (stake: bigint) => {
  const members = [{ publicKey: 'ab'.repeat(32), stake }];
  return new Map([[keyOf('valset', zero), encodeEntry('valset', { members })]]);
};
const corrupt = expect.objectContaining({ code: 'STORE_CORRUPT' }) as AppError;

describe('the set of a state', () => {
  it('is made once for each content, however many states hold it', () => {
    const network = networkFromHash('set-test', 'ab'.repeat(32));
    const first = validatorSetOf(network, stateOf(5n));
    expect(first.validators).toStrictEqual([{ publicKey: 'ab'.repeat(32), stake: 5n }]);
    for (const stake of [6n, 7n, 8n]) {
      expect(validatorSetOf(network, stateOf(stake)).hash).not.toBe(first.hash);
    }
    expect(validatorSetOf(network, stateOf(5n))).toBe(first);
    validatorSetOf(network, stateOf(9n));
    const again = validatorSetOf(network, stateOf(5n)); // it was the oldest of four
    expect(again).not.toBe(first);
    expect(again.hash).toBe(first.hash);
  });

  it('must be there', () => {
    expect(() => validatorsOfState(new Map())).toThrow(corrupt);
    const { network } = createWorld();
    expect(() => validatorSetOf(network, new Map())).toThrow(corrupt);
  });
});

describe('parameters of a state', () => {
  const stateWith = (value: string) => {
    const present = [{ name: 'jailMs', value }];
    return new Map([[keyOf('overrides', zero), encodeEntry('overrides', { present, armed: [] })]]);
  };

  it('are those of the document until something was voted', () => {
    expect(paramsOf(new Map(), worldParams)).toBe(worldParams);
    expect(paramsOf(stateWith('5'), worldParams)).toStrictEqual({ ...worldParams, jailMs: 5 });
    expect(paramsOf(stateWith('6'), worldParams).jailMs).toBe(6);
  });

  it('must be sound', () => {
    expect(() => paramsOf(stateWith('x'), worldParams)).toThrow(corrupt);
  });
});
