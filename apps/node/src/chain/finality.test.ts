import { AppError } from '@aitbc/protocol';
import { expect, it } from 'vitest';
import { createFinality } from './finality.ts';

it('a wait that the node ends says why; one whose caller hung up is CANCELLED', async () => {
  const finality = createFinality();
  const [stopping, gone] = [new AbortController(), new AbortController()];
  const waits = [stopping, gone].map(({ signal }) =>
    finality.wait('ab'.repeat(32), { timeoutMs: 10_000, signal }),
  );
  const stopped = new AppError('UNAVAILABLE', { what: 'The node', reason: 'it is stopping' });
  stopping.abort(stopped);
  gone.abort();
  await expect(waits[0]).rejects.toBe(stopped);
  await expect(waits[1]).rejects.toMatchObject({ code: 'CANCELLED' });
});
