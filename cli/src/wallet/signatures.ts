/** Lines of the wallet's log of signatures. */
import type { OutputOf, walletEndpoints } from '@aitbc/protocol';
import type { WalletClient } from '../context/clients.ts';

/** One signature. */
export type Signature = OutputOf<typeof walletEndpoints.log>['entries'][number];

/** The newest signatures, of one account when it is named. */
export async function newestSignatures(
  wallet: WalletClient,
  { address, limit }: { readonly address?: string | undefined; readonly limit: number },
  signal: AbortSignal,
): Promise<Signature[]> {
  const found: Signature[] = [];
  let before: number | undefined;
  while (found.length < limit) {
    const page = await wallet.log({ before, address }, { signal });
    found.push(...page.entries);
    if (page.next === null) break;
    before = page.next;
  }
  return found.slice(0, limit);
}

/** `2026-11-23 06:40 UTC`. */
export function minuteText(atMs: number): string {
  return `${new Date(atMs).toISOString().slice(0, 16).replace('T', ' ')} UTC`;
}
