/** Global set-up of the network tests: a bundle of other modules than those that are compiled would be tested unnoticed. */
import { stalePrograms } from './programs.mjs';

export function setup() {
  const { names } = stalePrograms();
  if (names.length === 0) return;
  throw new Error(`stale bundles: ${names.join(', ')}. Fix: npm run build`);
}
