import { AppError } from '@aitbc/protocol';
import type { TrustedBlock } from './trust.ts';

const form = /^([1-9]\d{0,14}):([0-9a-f]{64})$/;

/** The block in the setting `trustedBlock`, `height:hash`. Throws AppError CONFIG_INVALID. */
export function trustedBlockFromText(text: string | undefined): TrustedBlock | undefined {
  if (text === undefined || text === '') return undefined;
  const [, height, hash] = form.exec(text) ?? [];
  if (height !== undefined && hash !== undefined) return { height: Number(height), hash };
  const reason = `the trusted block "${text.slice(0, 90)}" is not of the form height:hash`;
  throw new AppError('CONFIG_INVALID', { reason });
}
