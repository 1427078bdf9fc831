/**
 * Loads the code that verifies. Its schema library would try whether it may make code from text, which the policy of this
 * page forbids and reports; it is told beforehand that it may not.
 */
import type * as Verifier from './verify-proof.ts';

interface WithSchemaConfig {
  __zod_globalConfig?: { jitless?: boolean };
}

/** The verifier; a part of its own, fetched once. */
export function loadVerifier(): Promise<typeof Verifier> {
  const page = globalThis as WithSchemaConfig;
  page.__zod_globalConfig ??= {};
  page.__zod_globalConfig.jitless = true;
  return import('./verify-proof.ts');
}
