/** Accounts and models of the network of this home, if they come at once. */
import type { GlobalValues } from '../command/global-options.ts';
import { type ConfiguredHost, openContext, outOf } from '../context/context.ts';
import type { Candidate } from './candidates.ts';

/** Longer than this nobody waits for a TAB. */
const patienceMs = 400;
const bodyMaxBytes = 262_144;
const namesMax = 200;

/** Names that only a running network knows. They are empty where it does not answer. */
export interface LiveNames {
  accounts(): Promise<Candidate[]>;
  models(): Promise<Candidate[]>;
}

/** Asks wallet and gateway without loading their clients. */
export function createLiveNames(host: ConfiguredHost, globals: GlobalValues): LiveNames {
  const { context } = openContext(host, globals, outOf(host, globals));
  const { urls } = context;
  return {
    async accounts() {
      const answer = await ask(`${urls.wallet}/v1/accounts`, () => context.walletToken());
      return listIn(answer, 'accounts').flatMap(({ label, address }) => [
        ...(isName(label) ? [{ text: label, note: textOf(address) }] : []),
        ...(isName(address) ? [{ text: address, note: textOf(label) }] : []),
      ]);
    },
    async models() {
      const answer = await ask(`${urls.gateway}/v1/models`, () => context.gatewayKey());
      return listIn(answer, 'data').flatMap(({ id }) =>
        isName(id) ? [{ text: id, note: '' }] : [],
      );
    },
  };
}

async function ask(url: string, tokenOf: () => string | undefined): Promise<unknown> {
  try {
    const token = tokenOf();
    const headers: Record<string, string> = token ? { authorization: `Bearer ${token}` } : {};
    const answer = await fetch(url, { headers, signal: AbortSignal.timeout(patienceMs) });
    const text = await answer.text();
    return answer.ok && text.length <= bodyMaxBytes ? JSON.parse(text) : undefined;
  } catch {
    return undefined; // no network, no token, no patience: the shell offers nothing
  }
}

function listIn(answer: unknown, key: string): Readonly<Record<string, unknown>>[] {
  const list = (answer as Readonly<Record<string, unknown>> | undefined)?.[key];
  if (!Array.isArray(list)) return [];
  return list.filter((entry) => typeof entry === 'object' && entry !== null).slice(0, namesMax);
}

/** A word without signs that a shell would read as something else. */
function isName(value: unknown): value is string {
  return typeof value === 'string' && /^[\w@.:/+-]+$/.test(value);
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
