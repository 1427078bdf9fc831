/** Order of admission, with a real ledger state and signatures checked in whatever order the workers like. */
import { genesisBlock } from '@aitbc/chain';
import { accept, type SignedTx } from '@aitbc/protocol';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { actor, faucetActor, makeFolder, type TestFolder, transfer } from '../testing/test-node.ts';
import { createAdmission } from './admission.ts';

let at: TestFolder;
beforeEach(() => {
  at = makeFolder();
});
afterEach(() => at.remove());

it('hands transactions on in the order they came, whichever is checked first', async () => {
  const { writes, header } = genesisBlock(at.genesis);
  const answers: ((isSigned: boolean) => void)[] = [];
  const submitted: string[] = [];
  const admission = createAdmission({
    network: at.network,
    reader: { get: (key) => writes.get(key) },
    isKnown: () => false,
    nextBlock: () => ({
      height: 1,
      timeMs: header.timeMs + 1,
      proposer: actor(1).publicKey,
      network: at.network,
      params: at.genesis.params,
    }),
    verify: () => new Promise((resolve) => answers.push(resolve)),
    submit(tx: SignedTx) {
      submitted.push(tx.txId);
      admission.settle(tx.txId, accept(true));
    },
  });
  const txs = [0, 1, 2, 3].map((nonce) =>
    transfer(at.network, faucetActor, { to: actor(2).publicKey, nonce }),
  );
  const verdicts = txs.map(({ bytes }) => admission.admit(bytes));
  for (const place of [3, 2, 0]) answers[place]?.(true);
  answers[1]?.(false);
  const codes = (await Promise.all(verdicts)).map((one) => (one.ok ? 'ok' : one.code));
  expect(codes).toEqual(['ok', 'TX_SIGNATURE_INVALID', 'ok', 'ok']);
  expect(submitted).toEqual([txs[0], txs[2], txs[3]].map((tx) => tx?.txId));
});
