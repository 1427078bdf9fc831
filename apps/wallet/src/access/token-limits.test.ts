/**
 * What two tokens get signed over random days: single calls, calls at once, the same call again, batches, proposals,
 * approvals, restarts. How much each signature puts at risk is counted here by hand, not by the wallet's rules.
 */
import { join } from 'node:path';
import { createManualClock, hex, keyPairFromSeed } from '@aitbc/primitives';
import {
  AppError,
  addressOf,
  type MultisigOperation,
  type Operation,
  type TxKind,
  type UnsignedTx,
} from '@aitbc/protocol';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { sealSeed } from '../keys/keystore.ts';
import { createUnlockedKeys } from '../keys/unlocked-keys.ts';
import { signTransaction } from '../sign-transaction.ts';
import { openStore } from '../store.ts';
import {
  createToldChain,
  dayMs,
  newFolder,
  proposalOf,
  sharedId,
  unsignedOf,
} from '../testing/wallet-kit.ts';
import type { Caller } from './scopes.ts';

const seed = new Uint8Array(32).fill(9);
const address = addressOf(hex(keyPairFromSeed(seed).publicKey));
const keystore = await sealSeed(seed, 'correct horse', { memoryKib: 8, passes: 1 });
const cap = 1_000n;
const fee = 10n;
const kinds: TxKind[] = [
  ...(['transfer', 'batch', 'vault_deposit', 'task_post', 'mandate_grant'] as const),
  ...(['multisig_propose', 'multisig_approve'] as const),
];

const callers: readonly Caller[] = ['one', 'two'].map((tokenId) => ({
  tokenId,
  label: tokenId,
  scopes: {
    ...{ admin: false, read: true, kinds, amountPerDay: cap.toString() },
    accounts: [address, addressOf(sharedId)],
  },
}));

interface Wish {
  readonly shape: (typeof shapes)[number];
  readonly token: number;
  readonly nonce: number;
  readonly amount: bigint;
}

const shapes = ['transfer', 'batch', 'deposit', 'task', 'grant', 'propose', 'approve'] as const;
const wishes: fc.Arbitrary<Wish> = fc.record({
  shape: fc.constantFrom(...shapes),
  token: fc.nat({ max: 1 }),
  nonce: fc.nat({ max: 5 }),
  amount: fc.bigInt({ min: 1n, max: 600n }),
});
const steps = fc.array(
  fc.oneof(
    { weight: 8, arbitrary: fc.array(wishes, { minLength: 1, maxLength: 6, size: 'max' }) },
    { weight: 1, arbitrary: fc.constant('restart' as const) },
    { weight: 1, arbitrary: fc.constant('next day' as const) },
  ),
  { minLength: 3, maxLength: 12, size: 'max' },
);

const pay = (amount: bigint): Operation => {
  return { kind: 'transfer', body: { to: 'cd'.repeat(32), amount, memo: '' } };
};

/** The transaction of a wish, and the nait that it puts at risk, without its fee. */
function txOf({ shape, nonce, amount }: Wish): { tx: Partial<UnsignedTx>; atRisk: bigint } {
  const twice: MultisigOperation[] = [pay(amount), pay(1n)];
  const key = '0b'.repeat(32);
  const bodies = {
    transfer: { ...pay(amount), atRisk: amount },
    batch: { kind: 'batch', body: { operations: twice }, atRisk: amount + 1n },
    deposit: { kind: 'vault_deposit', body: { amount, allocations: [] }, atRisk: amount },
    task: {
      kind: 'task_post',
      body: {
        ...{ worker: key, arbiter: key, reward: amount, deadlineMs: 1, reviewMs: 1 },
        ...{ specHash: key, salt: key },
      },
      atRisk: amount,
    },
    grant: {
      kind: 'mandate_grant',
      body: {
        ...{
          subKey: key,
          channelMaxNait: 1n,
          windowMaxNait: 1n,
          windowMs: 1,
          totalMaxNait: amount,
        },
        ...{ jobMaxNait: 0n, receivers: [], models: [], allows: 3, expiresAtHeight: 9 },
      },
      atRisk: amount,
    },
    propose: {
      kind: 'multisig_propose',
      body: { multisig: sharedId, slot: 0, expiresAtMs: 5, operations: twice },
      atRisk: amount + 1n,
    },
    approve: {
      kind: 'multisig_approve',
      body: proposalOf(twice, nonce).body,
      atRisk: amount + 1n,
    },
  } as const;
  const { atRisk, ...rest } = bodies[shape];
  return { tx: { ...rest, nonce, fee } as Partial<UnsignedTx>, atRisk };
}

/** A wallet on a folder, opened. */
async function open(dataDir: string, clock: ReturnType<typeof createManualClock>) {
  const store = await openStore(join(dataDir, 'wallet.db'));
  const { chain, answers } = createToldChain();
  const keys = createUnlockedKeys({ clock, timer: () => () => {} });
  keys.unlock(address, seed, 9 * dayMs);
  return { answers, store, deps: { chain, clock, keys, store } };
}

test('no token gets more signed on a day than its limit, whatever is tried and when', async () => {
  let signatures = 0;
  let refusals = 0;
  await fc.assert(
    fc.asyncProperty(steps, async (history) => {
      const [dataDir, clock] = [newFolder(), createManualClock(10 * dayMs)];
      let wallet = await open(dataDir, clock);
      wallet.store.accounts.add({ address, label: 'main', keystore, createdAtMs: 0 });
      for (const { tokenId, label, scopes } of callers) {
        wallet.store.tokens.add({ tokenId, label, hash: tokenId, scopes, createdAtMs: 0 });
      }
      const seen = new Set<string>();
      const risked = new Map<string, bigint>();
      const sign = async (wish: Wish): Promise<void> => {
        const { tx, atRisk } = txOf(wish);
        const caller = callers[wish.token] as Caller;
        const bytes = unsignedOf(address, tx);
        const request = { address, tx: bytes, caller };
        const signed = await signTransaction(wallet.deps, request).catch((error: unknown) => {
          expect(error).toBeInstanceOf(AppError);
          expect(error).toMatchObject({ code: 'WALLET_SCOPE' });
          refusals += 1;
        });
        if (!signed || seen.has(signed.txId)) return;
        seen.add(signed.txId); // what was signed before is no further risk
        signatures += 1;
        const day = `${caller.tokenId} ${Math.floor(clock.nowMs() / dayMs)}`;
        risked.set(day, (risked.get(day) ?? 0n) + atRisk + fee);
      };
      for (const step of history) {
        if (step === 'restart') {
          await wallet.store.close();
          wallet = await open(dataDir, clock);
        } else if (step === 'next day') clock.advance(dayMs / 2);
        else {
          wallet.answers.proposals = step
            .filter(({ shape }) => shape === 'approve')
            .map(({ amount, nonce }) => proposalOf([pay(amount), pay(1n)], nonce).shown);
          await Promise.all(step.map(sign));
        }
        for (const [day, sum] of risked) expect(sum, day).toBeLessThanOrEqual(cap);
      }
      await wallet.store.close();
    }),
    { numRuns: 15 },
  );
  expect(signatures).toBeGreaterThan(50);
  expect(refusals).toBeGreaterThan(10);
}, 60_000);
