import { keyPairFromSeed } from '@aitbc/primitives';
import { describe, expect, test } from 'vitest';
import { signWebhook, verifyWebhook, webhookHeaders, webhookKeyText } from './webhook.ts';

const keys = keyPairFromSeed(new Uint8Array(32).fill(7));
const keyText = webhookKeyText(keys.publicKey);
const atMs = 1_700_000_000_999;
const body = '{"type":"job.ended"}';
const headers = signWebhook({ id: 'job 1', atMs }, body, keys.secretKey);
const heard = (changes: Record<string, string> = {}, text = body) => ({
  header: (name: string) => ({ ...headers, ...changes })[name],
  body: text,
});

test('a notice is signed in the form of Standard Webhooks', () => {
  expect(headers).toMatchObject({ 'webhook-id': 'job 1', 'webhook-timestamp': '1700000000' });
  expect(headers[webhookHeaders.signature]).toMatch(/^v1a,[A-Za-z0-9+/]{86}==$/);
  expect(keyText).toMatch(/^whpk_[A-Za-z0-9+/]{43}=$/);
  expect(verifyWebhook(keyText, heard(), atMs)).toBe(true);
});

test('one of several signatures is enough', () => {
  const signature = `v1,abc v1a,xyz ${headers[webhookHeaders.signature]}`;
  expect(verifyWebhook(keyText, heard({ [webhookHeaders.signature]: signature }), atMs)).toBe(true);
});

describe('refused is', () => {
  const other = webhookKeyText(keyPairFromSeed(new Uint8Array(32).fill(8)).publicKey);
  const right = { key: keyText, notice: heard(), nowMs: atMs };
  test.each([
    ['another body', { notice: heard({}, `${body} `) }],
    ['another id', { notice: heard({ [webhookHeaders.id]: 'job 2' }) }],
    ['another time', { notice: heard({ [webhookHeaders.timestamp]: '1700000001' }) }],
    ['a time that is no number', { notice: heard({ [webhookHeaders.timestamp]: '1.7e9' }) }],
    ['another key', { key: other }],
    ['a key of another kind', { key: `whsec_${keyText.slice(5)}` }],
    ['no signature', { notice: heard({ [webhookHeaders.signature]: '' }) }],
    ['an old one', { nowMs: atMs + 301_000 }],
    ['one from the future', { nowMs: atMs - 302_000 }],
  ])('%s', (_, wrong) => {
    const { key, notice, nowMs } = { ...right, ...wrong };
    expect(verifyWebhook(key, notice, nowMs)).toBe(false);
  });
});
