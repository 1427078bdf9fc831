/** A worker thread: checks packed signatures until it is ended. */
import { parentPort } from 'node:worker_threads';
import { verify } from '@aitbc/primitives';
import { checkPacked, type VerifyAnswer, type VerifyRequest } from './packing.ts';

parentPort?.on('message', ({ id, ...request }: VerifyRequest) => {
  const valid = checkPacked(request, verify);
  const answer: VerifyAnswer = { id, valid };
  parentPort?.postMessage(answer, [valid.buffer]);
});
