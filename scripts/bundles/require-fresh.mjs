/** Global set-up of the network tests: a bundle of other modules than those that are compiled would be tested unnoticed. */
import { staleDaemons } from './daemons.mjs';

export function setup() {
  const { names } = staleDaemons();
  if (names.length === 0) return;
  throw new Error(`stale bundles: ${names.join(', ')}. Fix: npm run build`);
}
