/** Who cheats at level `market`: changes of the conduct of a party, with its own keys only. */
import { keyPairFromSeed } from '@aitbc/primitives';
import { isMandatedAt, partyKindAt } from './ground.ts';
import type { Change } from './rules.ts';

const strangerKey = keyPairFromSeed(new Uint8Array(32).fill(9)).secretKey;

interface Role extends Change {
  readonly of: 'provider' | 'buyer';
}

const roles = {
  overcharger: {
    of: 'provider',
    what: 'writes one nait more on its receipts than is due',
    habits: { receipt: (honest) => ({ ...honest, charged: `${BigInt(honest.charged) + 1n}` }) },
  },
  inflator: {
    of: 'provider',
    what: 'counts one token more than it gave',
    habits: { receipt: (honest) => ({ ...honest, to: honest.to + 1 }) },
  },
  staller: {
    of: 'provider',
    what: 'says nothing more after some tokens',
    habits: { stallsAfter: 5 },
  },
  greedy: {
    of: 'provider',
    what: 'claims all that was signed, whatever is due',
    rules: ({ claimRowOf }) => ({
      claimRowOf(record) {
        const { best, channel } = record;
        const row = claimRowOf(best ? { ...record, charged: best.maxClaimable } : record);
        return row && row.totalClaimed <= channel.balance ? row : undefined;
      },
    }),
  },
  miser: {
    of: 'buyer',
    what: 'pays for the first window and waits for more',
    habits: { paysOn: false },
  },
  thief: {
    of: 'buyer',
    what: 'has stolen a sub-key and heeds no mandate, also after it was revoked',
    habits: { obeysMandate: false },
  },
  withdrawer: {
    of: 'buyer',
    what: 'takes back what it has promised, while its jobs run',
    habits: { withdrawsAll: true },
  },
  forger: {
    of: 'buyer',
    what: 'signs vouchers with a key of nobody',
    rules: ({ signVoucher }) => ({
      signVoucher: (network, unsigned) => signVoucher(network, unsigned, strangerKey),
    }),
  },
  underpayer: {
    of: 'buyer',
    what: 'signs one nait less than its books say',
    rules: ({ signVoucher }) => ({
      signVoucher: (network, { maxClaimable, ...rest }, key) =>
        signVoucher(network, { ...rest, maxClaimable: maxClaimable - 1n }, key),
    }),
  },
} as const satisfies Record<string, Role>;

/** The owner revokes the mandate of this one. */
export const thiefRole = 'thief';

/** Names of the roles. */
export const marketRoleNames: readonly string[] = Object.keys(roles);

/** Whether a role is one for the party at an endpoint. */
export function marketRoleFits(name: string, endpoint: number): boolean {
  if (name === thiefRole && !isMandatedAt(endpoint)) return false;
  return roles[name as keyof typeof roles]?.of === partyKindAt(endpoint);
}

/** What roles change. */
export function changesOf(names: readonly string[]): readonly Change[] {
  return names.flatMap((name) => roles[name as keyof typeof roles] ?? []);
}
