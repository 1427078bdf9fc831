/** Whether a daemon answers, and if not: does nobody listen, does another program listen, or does it refuse us. */
import type { AppError } from '@aitbc/protocol';
import { type Finding, fail, ok, skipped } from './check.ts';
import type { Look, Reading } from './look.ts';

/** A daemon to look for. */
export interface ReachableQuestion {
  /** Such as `the chain node`. */
  readonly name: string;
  readonly url: string;
  readonly reading: Promise<Reading<unknown>>;
  /** How to start it. */
  readonly start: string;
}

/** Codes with which a daemon of ours says no; then it is there. */
const refusals: ReadonlySet<string> = new Set(['UNAUTHORIZED', 'FORBIDDEN', 'RATE_LIMITED']);

/** The finding about a daemon. */
export async function reachable(
  look: Pick<Look, 'machine'>,
  question: ReachableQuestion,
): Promise<Finding> {
  const { name, url, reading, start } = question;
  const { error } = await reading;
  const facts = { url };
  if (!error || refusals.has(error.code)) return ok(`it answers at ${url}`, facts);
  const place = placeOf(url);
  if (!place) return skipped(`${url} is no address`);
  const code = error.code;
  if (code === 'TIMEOUT') {
    const fix = `If it is ours it hangs or has too much to do: see its log, start it again. ${start}`;
    return fail(`what listens at ${url} does not answer`, fix, { ...facts, code });
  }
  if (await look.machine.isListening(place.host, place.port)) {
    return isStranger(error, url)
      ? fail(
          `another program listens at ${url}`,
          `Stop it, or start ours on another port (aitbc up --ports free) and name that one. ${start}`,
          { ...facts, code },
        )
      : fail(`${name} at ${url} cannot work now: ${error.message}`, 'Its log says why.', {
          ...{ ...facts, code },
        });
  }
  return fail(`nobody listens at ${url}`, start, { ...facts, code });
}

/** What ours never say: an answer of another form, or no HTTP at all. */
function isStranger({ code, facts }: AppError, url: string): boolean {
  if (code === 'ANSWER_INVALID' || code === 'NOT_FOUND') return true;
  return code === 'UNAVAILABLE' && facts.what === url;
}

/** Host and port of an address; undefined for what is none. */
export function placeOf(url: string): { host: string; port: number } | undefined {
  if (!URL.canParse(url)) return undefined;
  const { protocol, hostname, port } = new URL(url);
  if (!['http:', 'https:', 'ws:', 'wss:', 'redis:', 'rediss:'].includes(protocol)) return undefined;
  return { host: hostname.replace(/^\[|\]$/g, ''), port: Number(port) || usualPort(protocol) };
}

function usualPort(protocol: string): number {
  if (protocol.startsWith('redis')) return 6_379;
  return protocol === 'https:' || protocol === 'wss:' ? 443 : 80;
}
