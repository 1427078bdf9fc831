/** The second signature of a transaction that somebody else has signed. */
import { base64, bytesFromBase64, hex, keyPairFromSeed } from '@aitbc/primitives';
import {
  decodeTx,
  encodeUnsignedTx,
  senderSignatureOf,
  type UnsignedTx,
  unwrap,
  verifyTx,
} from '@aitbc/protocol';
import { afterEach, expect, test } from 'vitest';
import { createWalletKit, network, passes } from './testing/wallet-kit.ts';

const kit = createWalletKit();
const { withAccount } = kit;
afterEach(() => kit.stopAll());

const sender = keyPairFromSeed(new Uint8Array(32).fill(3));

function wish(changes: Partial<UnsignedTx> = {}) {
  const tx = {
    ...{
      kind: 'transfer',
      chain: network.chain,
      nonce: 0,
      validUntil: 0,
      fee: 10n,
      sponsored: true,
    },
    from: hex(sender.publicKey),
    body: { to: 'cd'.repeat(32), amount: 7_000_000_000n, memo: '' },
    ...changes,
  } as UnsignedTx;
  const signature = hex(senderSignatureOf(network, tx, sender.secretKey));
  return { tx: base64(encodeUnsignedTx(tx)), signature };
}

test('gives a transaction that the chain takes, with the fee as all that counts', async () => {
  const { admin, address, client } = await withAccount();
  const scopes = { accounts: [address], kinds: ['transfer' as const], amountPerDay: '25' };
  const { token } = await admin.createToken({ label: 'a', scopes });
  const agent = client(token);
  const done = await agent.sponsor({ address, ...wish() });
  const signed = unwrap(decodeTx(network, bytesFromBase64(done.tx) ?? new Uint8Array(0)));
  expect(verifyTx(network, signed)).toBe(true);
  expect(done.description).toMatch(/^Pay the fee of ait1\w+ for this: Send 7 AIT to ait1/);
  expect(done.description).toMatch(`paid by ${address}.`);
  expect(done.decoded.payer).toBe(address);
  expect((await admin.log({})).entries).toMatchObject([{ address, txId: done.txId, token: 'a' }]);
  await agent.sponsor({ address, ...wish({ nonce: 1 }) });
  const third = agent.sponsor({ address, ...wish({ nonce: 2 }) });
  await expect(third).rejects.toMatchObject({ code: 'WALLET_SCOPE' });
});

test('is given to no other kind, no forged wish, nothing of its own and nothing that would be refused', async () => {
  const { admin, address, answers, client } = await withAccount();
  const { token } = await admin.createToken({ label: 'a', scopes: { accounts: [address] } });
  const good = wish();
  const codeOf = async (call: Promise<unknown>): Promise<unknown> =>
    await call.then(
      () => 'signed',
      (error: unknown) => (error as { code?: string }).code,
    );
  const forged = { ...good, signature: wish({ nonce: 9 }).signature };
  expect(await codeOf(admin.sponsor({ address, ...forged }))).toBe('TX_SIGNATURE_INVALID');
  expect(await codeOf(client(token).sponsor({ address, ...good }))).toBe('WALLET_SCOPE');
  const alone = base64(encodeUnsignedTx(unsponsored()));
  expect(await codeOf(admin.sponsor({ address, tx: alone, signature: good.signature }))).toBe(
    'BAD_REQUEST',
  );
  await admin.lock({ address });
  expect(await codeOf(admin.sponsor({ address, ...good }))).toBe('WALLET_LOCKED');
  await admin.unlock({ address, password: 'correct horse' });
  answers.simulation = { ...passes, ok: false, code: 'TX_NONCE_TOO_HIGH', message: 'ahead' };
  expect(await codeOf(admin.sponsor({ address, ...good }))).toBe('WALLET_SIMULATION_FAILED');
  expect((await admin.log({})).entries).toEqual([]);
});

function unsponsored(): UnsignedTx {
  return {
    ...{ kind: 'transfer', chain: network.chain, nonce: 0, validUntil: 0, fee: 10n },
    from: hex(sender.publicKey),
    body: { to: 'cd'.repeat(32), amount: 7n, memo: '' },
  };
}
