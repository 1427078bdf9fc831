/**
 * The faucet of a devnet: ordinary signed transfers from one account of the genesis document, through the
 * mempool like everybody's. An account gets at most `faucetMax` within `windowMs`.
 */
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
  give(to: Hex, amount?: bigint): Promise<Verdict<Gift>>;
}

/** Coins on their way. */
export interface Gift {
  readonly txId: Hex;
  readonly amount: bigint;
}

/** Parts of a faucet. */
export interface FaucetDeps {
  readonly identity: Identity;
  readonly network: Network;
  readonly genesis: Genesis;
  /** Present fee of a transfer, nait. */
  readonly transferFee: () => bigint;
  /** Next nonce of an account after its waiting transactions. */
  readonly pendingNonce: (account: Hex) => number;
  readonly admit: Admit;
  readonly clock: Clock;
}

interface Given {
  readonly sinceMs: number;
  readonly amount: bigint;
}

/** The faucet of an account. */
export function createFaucet(deps: FaucetDeps): Faucet {
  const { identity, network, genesis, transferFee, pendingNonce, admit, clock } = deps;
  const most = amountOf(genesis.params.faucetMax);
  const given = new Map<Hex, Given>();
  let before: Promise<unknown> = Promise.resolve();

  const send = (to: Hex, amount: bigint) => {
    const from = identity.publicKey;
    const fee = transferFee();
    const body = { to, amount, memo: '' };
    const { chain } = network;
    const nonce = pendingNonce(from);
    const tx = { kind: 'transfer', chain, nonce, validUntil: 0, from, fee, body } as const;
    return admit(signTx(network, tx, identity.keys.secretKey).bytes);
  };
  /** One after the other: the next nonce is known when the transfer before is in. */
  const sendInTurn = (to: Hex, amount: bigint) => {
    const sent = before.then(() => send(to, amount));
    before = sent.catch(() => {}); // whoever asked hears of it; the next one is not concerned
    return sent;
  };
  const givenTo = (account: Hex): Given => {
    const nowMs = clock.nowMs();
    const known = given.get(account);
    return known && nowMs - known.sinceMs < windowMs ? known : { sinceMs: nowMs, amount: 0n };
  };
  return {
    async give(to, amount = most) {
      const row = givenTo(to);
      if (amount > most || row.amount + amount > most) {
        return refuse('FAUCET_LIMIT', { limit: most });
      }
      given.delete(to);
      given.set(to, { ...row, amount: row.amount + amount });
      if (given.size > rememberedAccounts) given.delete(given.keys().next().value as Hex);
      const admitted = await sendInTurn(to, amount);
      if (admitted.ok) return accept({ txId: admitted.value.txId, amount });
      const now = givenTo(to);
      given.set(to, { ...now, amount: now.amount - amount });
      return admitted;
    },
  };
}
