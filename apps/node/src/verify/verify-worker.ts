/** A worker thread: checks the signatures of packed transactions until it is ended. Its data is the network. */
import { parentPort, workerData } from 'node:worker_threads';
import { decodeTx, type Network, verifyTx } from '@aitbc/protocol';
import { unpackTxs, type VerifyAnswer, type VerifyRequest } from './packing.ts';

const network: Network = workerData;

parentPort?.on('message', ({ id, packed }: VerifyRequest) => {
  const valid = Uint8Array.from(unpackTxs(packed), (bytes) => {
    const tx = decodeTx(network, bytes);
    return tx.ok && verifyTx(network, tx.value) ? 1 : 0;
  });
  const answer: VerifyAnswer = { id, valid };
  parentPort?.postMessage(answer, [valid.buffer]);
});
