import { expect, it } from 'vitest';
import { kindOf, kindText, shortId } from './names.ts';

const hash = 'ab'.repeat(32);

it('knows what a text may be', () => {
  expect(
    ['12', '#12', 'ait15h0cej2fcqz5nxk95j03rz7', hash, `0x${hash}`, 'qwen3:8b', ' '].map(kindOf),
  ).toEqual(['height', 'height', 'address', 'hash', 'hash', 'model', 'nothing']);
});

it('shortens what is long and nothing else', () => {
  expect(shortId('ait15h0cej2fcqz5nxk95j03rz7pnsfqrr5k')).toBe('ait15h0ce…qrr5k');
  expect(shortId(hash)).toBe('ababababab…abab');
  expect(shortId('short')).toBe('short');
  expect(kindText('channel_claim')).toBe('channel claim');
});
