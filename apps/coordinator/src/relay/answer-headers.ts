/** Headers of a relayed answer: those that a paid call needs, and what keeps a browser from running it as a page. */

const kept: ReadonlySet<string> = new Set([
  'cache-control',
  'content-type',
  'date',
  'retry-after',
  'retry-after-ms',
  'x-accel-buffering',
  'x-request-id',
  'x-should-retry',
]);
const keptFamilies = /^(payment-|x-aitbc-)/;

const guards = Object.freeze({
  'content-security-policy': "sandbox; default-src 'none'",
  'x-content-type-options': 'nosniff',
});

/** What of a provider's headers reaches the buyer. */
export function answerHeaders(headers: Readonly<Record<string, string>>): Record<string, string> {
  const passed = Object.entries(headers).filter(
    ([name]) => kept.has(name) || keptFamilies.test(name),
  );
  return { ...Object.fromEntries(passed), ...guards };
}
