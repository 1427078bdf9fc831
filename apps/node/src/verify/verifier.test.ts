import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { verify } from '@aitbc/primitives';
import {
  decodeTx,
  limits,
  type Network,
  type SignedTx,
  senderSignatureOf,
  sponsorTx,
  type UnsignedTx,
  unwrap,
  verifyTx,
} from '@aitbc/protocol';
import type { Log } from '@aitbc/service';
import { afterEach, describe, expect, it } from 'vitest';
import { actor, makeFolder, transfer } from '../testing/test-node.ts';
import { checkPacked, packSignatures, prefixesOf } from './packing.ts';
import { createVerifier, type Verifier } from './verifier.ts';

const entry = new URL('../../dist/verify/verify-worker.js', import.meta.url);

function networkOfTest(): Network {
  const folder = makeFolder();
  folder.remove();
  return folder.network;
}
const network = networkOfTest();
const [sender, receiver] = [actor(1), actor(2)];
const txOf = (nonce: number): SignedTx =>
  transfer(network, sender, { to: receiver.publicKey, amount: 5n, nonce });

const sponsored = sponsoredTx();

function sponsoredTx(): SignedTx {
  const { kind, chain, lane, nonce, validUntil, from, fee, body } = txOf(0);
  const tx = {
    kind,
    chain,
    lane,
    nonce,
    validUntil,
    from,
    fee,
    body,
    sponsored: true,
  } as UnsignedTx;
  const signature = senderSignatureOf(network, tx, sender.keys.secretKey);
  return sponsorTx(network, { tx, signature }, receiver.keys.secretKey);
}

/** The same transaction with one bit of its signature flipped. */
function forged(tx: SignedTx): SignedTx {
  const bytes = Uint8Array.from(tx.bytes);
  bytes[bytes.length - 1] = (bytes[bytes.length - 1] as number) ^ 1;
  return unwrap(decodeTx(network, bytes));
}

let warnings: string[] = [];
const log = {
  warn({ reason }: { reason: string }, message: string) {
    warnings.push(`${message}: ${reason}`);
  },
} as unknown as Log;
let verifier: Verifier | undefined;
const start = (workers: number, program = entry): Verifier => {
  warnings = [];
  verifier = createVerifier({ network, workers, entry: program }, { log });
  return verifier;
};
afterEach(() => verifier?.stop());

/** A worker that dies when it is asked anything. */
const deadly = new URL(
  `data:text/javascript,${encodeURIComponent(
    "import { parentPort } from 'node:worker_threads'; parentPort.on('message', () => process.exit(9));",
  )}`,
);

it('packs signatures so that the bare check gives the answer of verifyTx', () => {
  const payerOf = Uint8Array.from(sponsored.bytes);
  payerOf[payerOf.length - 1] = (payerOf[payerOf.length - 1] as number) ^ 1;
  const txs = [txOf(0), forged(txOf(1)), sponsored, unwrap(decodeTx(network, payerOf)), txOf(2)];
  const packed = packSignatures(prefixesOf(network), txs);
  const expected = txs.map((tx) => Number(verifyTx(network, tx)));
  expect(expected).toEqual([1, 0, 1, 0, 1]);
  expect([...checkPacked({ packed, count: txs.length }, verify)]).toEqual(expected);
  expect(packSignatures(prefixesOf(network), [])).toHaveLength(0);
});

describe.each([0, 1, 2])('a verifier with %i workers', (workers) => {
  it('says of each transaction whether it is signed, in order', async () => {
    if (!existsSync(fileURLToPath(entry)))
      throw new Error('the node is not built; run npm run build');
    const txs = Array.from({ length: 700 }, (_, n) => (n % 7 === 3 ? forged(txOf(n)) : txOf(n)));
    const expected = txs.map((_, n) => n % 7 !== 3);
    expect(await start(workers).verify(txs)).toEqual(expected);
    expect(warnings).toEqual([]);
  });

  it('checks the signature of a fee payer, too', async () => {
    const flip = (from: number) => {
      const bytes = Uint8Array.from(sponsored.bytes);
      bytes[bytes.length - from] = (bytes[bytes.length - from] as number) ^ 1;
      return unwrap(decodeTx(network, bytes));
    };
    const txs = [sponsored, flip(1), flip(70), flip(130)]; // payer's signature, payer, sender's signature
    expect(await start(workers).verify(txs)).toEqual([true, false, false, false]);
    expect(verifier?.checked()).toBe(8);
  });

  it('answers calls that come one by one, each with its own', async () => {
    const running = start(workers);
    const txs = Array.from({ length: 60 }, (_, n) => (n % 2 ? forged(txOf(n)) : txOf(n)));
    const answers = await Promise.all(txs.map((tx) => running.verify([tx])));
    expect(answers).toEqual(txs.map((_, n) => [n % 2 === 0]));
    expect(await running.verify([])).toEqual([]);
    expect([running.waiting(), running.checked()]).toEqual([0, 60]);
  });

  it('refuses what is beyond its bound and goes on', async () => {
    const running = start(workers);
    const tx = txOf(0);
    const flood = running.verify(Array.from({ length: 400 }, () => tx));
    await expect(running.verify(Array.from({ length: 16_384 }, () => tx))).rejects.toMatchObject({
      code: 'MEMPOOL_FULL',
    });
    expect(new Set(await flood)).toEqual(new Set([true]));
  });

  it('tells whoever waits when it is stopped', async () => {
    const running = start(workers);
    const tx = txOf(0);
    const waiting = running.verify(Array.from({ length: 2_000 }, () => tx));
    const told = expect(waiting).rejects.toMatchObject({ code: 'CANCELLED' });
    await running.stop();
    await told;
    await expect(running.verify([])).rejects.toMatchObject({ code: 'CANCELLED' });
  });
});

describe('what was found valid', () => {
  it.each([0, 2])('is not checked again, at once or in turn, with %i workers', async (workers) => {
    const running = start(workers);
    const txs = [txOf(0), sponsored, txOf(1)];
    expect(running.verifyNow(txs)).toBe(true);
    expect(running.verifyNow(txs)).toBe(true);
    expect(await running.verify([...txs, txOf(2)])).toEqual([true, true, true, true]);
    expect(running.verifyNow([txOf(2)])).toBe(true);
    expect(running.checked()).toBe(5);
  });

  it.each([0, 2])('says nothing of what only looks like it, with %i workers', async (workers) => {
    const running = start(workers);
    expect(running.verifyNow([txOf(0)])).toBe(true);
    expect(running.verifyNow([forged(txOf(0))])).toBe(false);
    expect(await running.verify([forged(txOf(0)), forged(txOf(0))])).toEqual([false, false]);
    expect(running.checked()).toBe(4);
  });
});

describe('a worker that dies', () => {
  it('loses no transaction: they are checked here in the end', async () => {
    const txs = Array.from({ length: 600 }, (_, n) => (n === 333 ? forged(txOf(n)) : txOf(n)));
    const answers = await start(2, deadly).verify(txs);
    expect(answers).toEqual(txs.map((_, n) => n !== 333));
  });

  it('is replaced a bounded number of times, then this thread does its work', async () => {
    const missing = new URL('file:///nowhere/verify-worker.js');
    const running = start(2, missing);
    expect(await running.verify([txOf(0), forged(txOf(1))])).toEqual([true, false]);
    expect(warnings.length).toBeGreaterThan(0);
    expect(warnings.length).toBeLessThanOrEqual(10);
  });
});

it('its bound holds a full mempool', () => {
  expect(limits.mempoolTxCount).toBeLessThanOrEqual(16_384);
});
