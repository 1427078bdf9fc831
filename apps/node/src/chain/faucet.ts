/**
 * The faucet of a devnet: ordinary signed transfers from one account of the genesis document, through the
 * mempool like everybody's. An account gets at most `faucetMax` within `windowMs`.
 */
import type { Mempool, StateReader } from '@aitbc/chain';
import { accountOf } from '@aitbc/chain';
import type { Clock } from '@aitbc/primitives';
import {
  accept,
  amountOf,
  type Genesis,
  type Hex,
  type Network,
  refuse,
  signTx,
  type Verdict,
} from '@aitbc/protocol';
import type { Identity } from '../setup/key-file.ts';
import type { Admit } from './admission.ts';

const windowMs = 60_000; // long enough to stop a loop, short enough for a person to ask again
const rememberedAccounts = 10_000; // the oldest is forgotten: a devnet guards against scripts, not attackers

/** Hands out coins. */
export interface Faucet {
  /** Sends `amount` nait, or the most allowed; the id of the transfer. Refusals: FAUCET_LIMIT and those of admission. */
  give(to: Hex, amount?: bigint): Verdict<{ readonly txId: Hex; readonly amount: bigint }>;
}

/** Parts of a faucet. */
export interface FaucetDeps {
  readonly identity: Identity;
  readonly network: Network;
  readonly genesis: Genesis;
  readonly mempool: Mempool;
  readonly reader: StateReader;
  readonly admit: Admit;
  readonly clock: Clock;
}

interface Given {
  readonly sinceMs: number;
  readonly amount: bigint;
}

/** The faucet of an account. */
export function createFaucet(deps: FaucetDeps): Faucet {
  const { identity, network, genesis, mempool, reader, admit, clock } = deps;
  const most = amountOf(genesis.params.faucetMax);
  const given = new Map<Hex, Given>();

  const sign = (to: Hex, amount: bigint): Uint8Array => {
    const from = identity.publicKey;
    const nonce = mempool.pendingNonce(from, accountOf(reader, from).nonce);
    const fee = amountOf(genesis.params.fees.transfer);
    const body = { to, amount, memo: '' };
    const { chain } = network;
    const tx = { kind: 'transfer', chain, nonce, validUntil: 0, from, fee, body } as const;
    return signTx(network, tx, identity.keys.secretKey).bytes;
  };
  const givenTo = (account: Hex): Given => {
    const nowMs = clock.nowMs();
    const known = given.get(account);
    return known && nowMs - known.sinceMs < windowMs ? known : { sinceMs: nowMs, amount: 0n };
  };
  return {
    give(to, amount = most) {
      const before = givenTo(to);
      if (amount > most || before.amount + amount > most) {
        return refuse('FAUCET_LIMIT', { limit: most });
      }
      const admitted = admit(sign(to, amount));
      if (!admitted.ok) return admitted;
      given.delete(to);
      given.set(to, { ...before, amount: before.amount + amount });
      if (given.size > rememberedAccounts) given.delete(given.keys().next().value as Hex);
      return accept({ txId: admitted.value.txId, amount });
    },
  };
}
