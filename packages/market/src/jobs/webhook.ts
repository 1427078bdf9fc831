/**
 * Notices of the end of a job or a batch, signed in the form of Standard Webhooks with an asymmetric key (`v1a`), so
 * that existing libraries check them: Ed25519 over `<id>.<seconds>.<body>`.
 *
 * A notice may come more than once, with the same id; whoever receives it keeps the ids of the last days, and
 * refuses what is older than five minutes. It moves no money: results are proved by their receipts.
 */
import { base64, bytesFromBase64, sign, utf8, verify } from '@aitbc/primitives';

/** Headers of a notice. */
export const webhookHeaders = Object.freeze({
  id: 'webhook-id',
  timestamp: 'webhook-timestamp',
  signature: 'webhook-signature',
});

/** What is signed beside the body. */
export interface WebhookStamp {
  /** Id of the job or batch. */
  readonly id: string;
  /** When it was sent, ms since 1970; travels in seconds. */
  readonly atMs: number;
}

const keyPrefix = 'whpk_';
const versionPrefix = 'v1a,';
const ageMsMax = 5 * 60_000;

/** A public key as `/v1/about` shows it. */
export function webhookKeyText(publicKey: Uint8Array): string {
  return keyPrefix + base64(publicKey);
}

/** Headers of a signed notice. */
export function signWebhook(
  { id, atMs }: WebhookStamp,
  body: string,
  secretKey: Uint8Array,
): Record<string, string> {
  const seconds = `${Math.floor(atMs / 1_000)}`;
  const signature = versionPrefix + base64(sign(signedBytes({ id, seconds, body }), secretKey));
  return {
    [webhookHeaders.id]: id,
    [webhookHeaders.timestamp]: seconds,
    [webhookHeaders.signature]: signature,
  };
}

/** True for a notice of the holder of the key that was sent in the last five minutes. */
export function verifyWebhook(
  keyText: string,
  { header, body }: { header(name: string): string | undefined; body: string },
  nowMs: number,
): boolean {
  const seconds = header(webhookHeaders.timestamp) ?? '';
  const isRecent = Math.abs(nowMs - Number(seconds) * 1_000) <= ageMsMax;
  const key = keyText.startsWith(keyPrefix) && bytesFromBase64(keyText.slice(keyPrefix.length));
  if (!/^\d{1,12}$/.test(seconds) || !isRecent || !key || key.length !== 32) return false;
  const message = signedBytes({ id: header(webhookHeaders.id) ?? '', seconds, body });
  const signatures = (header(webhookHeaders.signature) ?? '').split(' ').slice(0, 8);
  return signatures.some((text) => {
    const bytes =
      text.startsWith(versionPrefix) && bytesFromBase64(text.slice(versionPrefix.length));
    return bytes && bytes.length === 64 && verify(bytes, message, key);
  });
}

function signedBytes({ id, seconds, body }: { id: string; seconds: string; body: string }) {
  return utf8(`${id}.${seconds}.${body}`);
}
