/** How an error leaves the process: a sentence and its remedy for people, an object for tools, an exit code. */
import { type AppError, asAppError, type ErrorBody, errorBodyOf } from '@aitbc/protocol/errors';
import { type Out, plainText } from '../context/out.ts';
import type { Urls } from '../context/running-devnet.ts';
import { gatewayKeyFix, gatewayOwnerFix } from '../gateway/gateway-key.ts';

/** What the remedies mention. */
export interface ErrorPlace {
  readonly urls: Urls | undefined;
}

/** Writes the error and answers the exit code of its row in the error table. */
export function reportError(error: unknown, out: Out, place: ErrorPlace): number {
  const known = asAppError(error);
  const body = bodyOf(known, error);
  if (out.json) {
    out.result({ error: body }, () => '');
    return known.row.exitCode;
  }
  const message = known.code === 'CANCELLED' ? 'Stopped.' : plainText(body.message);
  out.note(out.style('red', message));
  const fix = fixOf(known, place);
  if (fix !== undefined) out.note(fix);
  if (known.code === 'INTERNAL' && known.cause instanceof Error) {
    out.note(out.style('dim', known.cause.stack ?? ''));
  }
  return known.row.exitCode;
}

/** Here nothing is secret from the user: an unexpected error shows its own text. */
function bodyOf(known: AppError, original: unknown): ErrorBody {
  const body = errorBodyOf(known);
  if (known.code !== 'INTERNAL' || known === original) return body;
  const reason = original instanceof Error ? original.message : String(original);
  return {
    ...body,
    message: `Something broke in the command itself: ${reason}`,
    facts: { ...body.facts, reason },
  };
}

const daemonFlags = {
  node: 'the chain node: --node-url',
  wallet: 'the wallet daemon: --wallet-url',
  coordinator: 'the coordinator: --coordinator-url',
  gateway: 'the gateway: --gateway-url',
  provider: 'the provider: AITBC_PROVIDER_URL',
} as const satisfies Record<keyof Urls, string>;

function fixOf({ code, facts }: AppError, { urls }: ErrorPlace): string | undefined {
  if (code === 'UNAUTHORIZED') {
    if (facts.daemon === 'gateway') return gatewayKeyFix;
    if (facts.daemon === 'gateway owner') return gatewayOwnerFix;
    return 'The wallet wants a token: set AITBC_WALLET_TOKEN or AITBC_WALLET_TOKEN_FILE. A devnet of this home (aitbc up) brings its own.';
  }
  if (code !== 'UNAVAILABLE' || !urls) return undefined;
  const what = String(facts.what);
  const daemon = (Object.keys(daemonFlags) as (keyof Urls)[]).find(
    (name) => urls[name].startsWith(what) || what.startsWith(urls[name]),
  );
  if (daemon === undefined) return undefined;
  return `Start a devnet with: aitbc up. Or name another address of ${daemonFlags[daemon]}.`;
}
