/** Transactions of a market run that do not come from its parties' daemons: the first block, and other people's deeds. */
import {
  type SignedTx,
  signTx,
  type TxBody,
  type TxKind,
  type UnsignedTx,
  zeroHash,
} from '@aitbc/protocol';
import { bondNait, digestId } from '../../commerce/audits.ts';
import type { Deed, Person } from '../../commerce/scene.ts';
import type { Random } from '../../engine/random.ts';
import type { MarketGround, Party } from '../ground.ts';
import { feeOfTx, type Ledger } from './ledger.ts';

const vaultNait = 50_000_000n;

/** Vaults and mandates of the buyers whose hot key spends for an owner, and a roster of jurors. */
export function openingTxs(ground: MarketGround): SignedTx[] {
  return [...jurorTxs(ground), ...mandateTxs(ground)];
}

function jurorTxs(ground: MarketGround): SignedTx[] {
  const endpoint = 'https://simulated';
  return ground.people.flatMap((from) => {
    const card = { name: 'simulated', endpoint, cardHash: zeroHash };
    const bond = { authorizer: from.id, endpoint, bond: bondNait };
    return [
      signed(ground, { from, nonce: 0, kind: 'agent_register', body: card }),
      signed(ground, { from, nonce: 1, kind: 'provider_register', body: bond }),
      signed(ground, { from, nonce: 2, kind: 'auditor_enroll', body: { digest: digestId } }),
    ];
  });
}

function mandateTxs(ground: MarketGround): SignedTx[] {
  return ground.parties.flatMap(({ isMandated, person, hotKey }) => {
    if (!isMandated) return [];
    const grant: TxBody<'mandate_grant'> = {
      ...{ subKey: hotKey.id, channelMaxNait: 10_000n, windowMaxNait: 1_000_000n, windowMs: 5_000 },
      ...{ totalMaxNait: 5_000_000n, jobMaxNait: ground.jobMaxNait, receivers: [], models: [] },
      ...{ allows: 1, expiresAtHeight: 1_000_000_000 },
    };
    const deposit = { amount: vaultNait, allocations: [] };
    return [
      signed(ground, { from: person, nonce: 0, kind: 'vault_deposit', body: deposit }),
      signed(ground, { from: person, nonce: 1, kind: 'mandate_grant', body: grant }),
    ];
  });
}

/** A deed as a transaction: mostly with the next nonce. */
export function deedTx(
  ground: MarketGround,
  ledger: Ledger,
  { deed, random }: { readonly deed: Deed; readonly random: Random },
): SignedTx {
  const { from, kind, body } = deed;
  const next = ledger.pendingNonce(from.id);
  const nonce = next + (random.chance(0.03) ? 1 : 0);
  return signed(ground, { from, nonce, kind, body });
}

/** The owner takes a mandate back. */
export function revocationTx(
  ground: MarketGround,
  ledger: Ledger,
  { person, hotKey }: Party,
): SignedTx {
  const nonce = ledger.pendingNonce(person.id);
  const body = { subKey: hotKey.id };
  return signed(ground, { from: person, nonce, kind: 'mandate_revoke', body });
}

interface Wish {
  readonly from: Person;
  readonly nonce: number;
  readonly kind: TxKind;
  readonly body: object;
}

function signed(ground: MarketGround, { from, nonce, kind, body }: Wish): SignedTx {
  const { chain } = ground.network;
  const envelope = { kind, chain, nonce, validUntil: 0, from: from.id, fee: 0n };
  const unsigned = { ...envelope, body } as unknown as UnsignedTx;
  const fee = feeOfTx(ground, unsigned);
  return signTx(ground.network, { ...unsigned, fee } as UnsignedTx, from.secretKey);
}
