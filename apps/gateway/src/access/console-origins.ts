/**
 * What pages of a web console may call here, where the owner lists their origin: the paid calls of the dialects, models,
 * and what a caller may see of its own spending. Every page of such an origin spends the owner's coins within the
 * gateway's limits, so the owner names each origin in full; `*` is refused. Everything else stays closed to pages.
 */
import { AppError, gatewayHeaders } from '@aitbc/protocol';
import type { OriginRules } from '@aitbc/service';

const sharedPath =
  /^\/v1\/(chat\/completions|completions|responses|messages|embeddings|models)$|^\/v1\/aitbc\/(quote|balance|limits|spend|log|jobs\/[0-9a-f]{64}|receipts\/[0-9a-f]{64})$/;

/** The rule for listed origins. Throws CONFIG_INVALID for `*`. */
export function sharedWith(origins: readonly string[]): NonNullable<OriginRules['shared']> {
  if (origins.includes('*')) {
    const reason = 'consoleOrigins names origins one by one: any page could spend your coins';
    throw new AppError('CONFIG_INVALID', { reason });
  }
  return {
    path: (path) => sharedPath.test(path),
    origins,
    asked: ['authorization', 'idempotency-key'],
    shown: Object.values(gatewayHeaders),
  };
}
