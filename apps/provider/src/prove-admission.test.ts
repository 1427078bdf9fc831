import { networkFromHash } from '@aitbc/protocol';
import { expect, it } from 'vitest';
import { proveAdmission } from './prove-admission.ts';

it('the self-test of payment verification passes with a sound verifier', () => {
  expect(() => proveAdmission(networkFromHash('test', '5a'.repeat(32)))).not.toThrow();
});
