import {
  expiringLane,
  limits,
  type SignedTx,
  senderSignatureOf,
  sponsorTx,
  type UnsignedTx,
  verifyTx,
} from '@aitbc/protocol';
import { describe, expect, it } from 'vitest';
import { applyTx } from '../apply.ts';
import { simulateTx } from '../simulate.ts';
import { accountOf, createOverlay, type Overlay } from '../state.ts';
import { payer, receiver, stranger } from '../testing/rule-ledger.ts';
import { type Actor, balanceNait, createWorld, type World } from '../testing/world.ts';
import { aliveOf, nonceOf } from './lanes.ts';

const fee = 10_000n;
const firstHeight = 1;

/** A transfer of 5 nait from payer to receiver with a changed envelope; the overlay of one test. */
function setup() {
  const world = createWorld(3);
  const overlay = createOverlay(world.reader);
  const wish = (changes: Partial<UnsignedTx> = {}): UnsignedTx => {
    const body = { to: receiver.id, amount: 5n, memo: '' };
    const { chain } = world.network;
    const base = { kind: 'transfer', chain, nonce: 0, validUntil: 0, from: payer.id, fee, body };
    return { ...base, ...changes } as UnsignedTx;
  };
  const send = (tx: UnsignedTx & { readonly payer?: string }, height = firstHeight) =>
    applyTx(overlay, { ...world.context(), height }, tx);
  return { world, overlay, wish, send };
}

const codeOf = (verdict: { ok: boolean; code?: string }) => (verdict.ok ? 'ok' : verdict.code);
const gained = (overlay: Overlay) => accountOf(overlay, receiver.id).balance - balanceNait;

function sponsored(world: World, tx: UnsignedTx, sponsor: Actor): SignedTx {
  const signature = senderSignatureOf(world.network, tx, payer.secretKey);
  return sponsorTx(world.network, { tx, signature }, sponsor.secretKey);
}

describe('a lane', () => {
  it('counts for itself, and the account’s own nonce does not move', () => {
    const { world, overlay, wish, send } = setup();
    expect(codeOf(send(wish({ lane: 7 })))).toBe('ok');
    expect(codeOf(send(wish({ lane: 7, nonce: 1 })))).toBe('ok');
    expect(codeOf(send(wish({ lane: 65_534 })))).toBe('ok');
    expect(codeOf(send(wish()))).toBe('ok');
    expect(codeOf(send(wish({ lane: 7, nonce: 1 })))).toBe('TX_NONCE_TOO_LOW');
    expect(codeOf(send(wish({ lane: 7, nonce: 3 })))).toBe('TX_NONCE_TOO_HIGH');
    const nonces = [0, 7, 65_534, 8].map((lane) =>
      nonceOf(overlay, world.network, { from: payer.id, lane }),
    );
    expect(nonces).toStrictEqual([1, 2, 1, 0]);
    expect(gained(overlay)).toBe(20n);
  });

  it('of one account is not that of another', () => {
    const { world, overlay, wish, send } = setup();
    expect(codeOf(send(wish({ lane: 7 })))).toBe('ok');
    const name = { from: stranger.id, lane: 7 };
    expect(nonceOf(overlay, world.network, name)).toBe(0);
  });
});

describe('the expiring lane', () => {
  const expiring = { lane: expiringLane, validUntil: 50 } as const;

  it('takes any nonce in any order, each wish once', () => {
    const { overlay, wish, send } = setup();
    for (const nonce of [9, 3, 2 ** 53 - 1]) {
      expect(codeOf(send(wish({ ...expiring, nonce })))).toBe('ok');
      expect(codeOf(send(wish({ ...expiring, nonce })))).toBe('TX_DUPLICATE');
    }
    expect(gained(overlay)).toBe(15n);
    expect(accountOf(overlay, payer.id).nonce).toBe(0);
  });

  it('needs a last height that is near', () => {
    const { wish, send } = setup();
    const latest = firstHeight + limits.expiringHorizonBlocks;
    const codes = [0, latest + 1, latest].map((validUntil) =>
      codeOf(send(wish({ lane: expiringLane, validUntil }))),
    );
    expect(codes).toStrictEqual(['TX_EXPIRY_INVALID', 'TX_EXPIRY_INVALID', 'ok']);
    expect(codeOf(send(wish(expiring), 51))).toBe('TX_EXPIRED');
  });

  it('holds a bounded number, and forgets what is over only when it can never return', () => {
    const { overlay, wish, send } = setup();
    for (let nonce = 0; nonce < limits.expiringPerAccount; nonce += 1) {
      expect(codeOf(send(wish({ ...expiring, nonce, validUntil: 50 + (nonce % 2) })))).toBe('ok');
    }
    expect(codeOf(send(wish({ ...expiring, nonce: 999 })))).toBe('TX_EXPIRING_FULL');
    expect(codeOf(send(wish({ ...expiring, nonce: 999 }), 50))).toBe('TX_EXPIRING_FULL');
    expect(codeOf(send(wish({ ...expiring, validUntil: 90 }), 51))).toBe('ok');
    expect(aliveOf(overlay, payer.id, 51)).toHaveLength(limits.expiringPerAccount / 2 + 1);
    expect(codeOf(send(wish({ ...expiring, nonce: 1, validUntil: 51 }), 51))).toBe('TX_DUPLICATE');
    expect(codeOf(send(wish({ ...expiring, nonce: 0, validUntil: 50 }), 51))).toBe('TX_EXPIRED');
  });

  it('does not pay twice for the same wish with another payer', () => {
    const { world, overlay, wish, send } = setup();
    const tx = wish({ ...expiring, sponsored: true });
    expect(codeOf(send(sponsored(world, tx, stranger)))).toBe('ok');
    const again = sponsored(world, tx, receiver);
    expect(verifyTx(world.network, again)).toBe(true);
    expect(codeOf(send(again))).toBe('TX_DUPLICATE');
    expect(gained(overlay)).toBe(5n);
  });
});

describe('a fee payer', () => {
  it('pays the fee and nothing else', () => {
    const { world, overlay, wish, send } = setup();
    expect(codeOf(send(sponsored(world, wish({ sponsored: true }), stranger)))).toBe('ok');
    expect(accountOf(overlay, payer.id)).toMatchObject({ balance: balanceNait - 5n, nonce: 1 });
    expect(accountOf(overlay, stranger.id)).toMatchObject({ balance: balanceNait - fee, nonce: 0 });
  });

  it('lets an account without a coin of its own act', () => {
    const { world, overlay, wish, send } = setup();
    overlay.put('account', payer.id, { balance: 0n, nonce: 0, vault: 9n });
    const tx = wish({ sponsored: true, kind: 'vault_withdraw', body: { amount: 9n } });
    expect(codeOf(send(sponsored(world, tx, stranger)))).toBe('ok');
    expect(accountOf(overlay, payer.id)).toMatchObject({ balance: 9n, vault: 0n });
  });

  it('is refused when it lacks the fee, as is a sender that lacks the amount', () => {
    const { world, overlay, wish, send } = setup();
    overlay.put('account', stranger.id, { balance: fee - 1n, nonce: 0, vault: 0n });
    const tx = wish({ sponsored: true });
    const before = overlay.writes();
    expect(codeOf(send(sponsored(world, tx, stranger)))).toBe('TX_FUNDS_INSUFFICIENT');
    overlay.put('account', payer.id, { balance: 4n, nonce: 0, vault: 0n });
    expect(codeOf(send(sponsored(world, tx, receiver)))).toBe('TX_FUNDS_INSUFFICIENT');
    expect(overlay.writes().size).toBe(before.size + 1);
  });

  it('may be the sender itself', () => {
    const { world, overlay, wish, send } = setup();
    expect(codeOf(send(sponsored(world, wish({ sponsored: true }), payer)))).toBe('ok');
    expect(accountOf(overlay, payer.id).balance).toBe(balanceNait - 5n - fee);
  });

  it('who is not known yet pays nothing in a simulation', () => {
    const { world, wish } = setup();
    const { verdict, effects } = simulateTx(
      world.reader,
      world.context(),
      wish({ sponsored: true }),
    );
    expect(verdict.ok).toBe(true);
    expect(effects.map(({ before, after }) => after - before)).toStrictEqual([-5n, 5n]);
  });
});
