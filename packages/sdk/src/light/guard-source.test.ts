import { AppError, type ErrorCode } from '@aitbc/protocol';
import { describe, expect, it } from 'vitest';
import { clientOf, four, refusalOf } from './testing/clients.ts';
import { addressAt, createFakeChain } from './testing/fake-chain.ts';

describe('a source that fails', () => {
  const chain = createFakeChain({ sets: [four], height: 7 });
  const failing = (error: Error) =>
    chain.source('liar', {
      getState: () => Promise.reject(error),
      getBundle: () => Promise.reject(error),
    });
  const saying = (code: ErrorCode) =>
    failing(new AppError(code as never, { reason: 'so it says', what: 'it' } as never));

  it('cannot speak the judgements of the client', async () => {
    for (const code of ['LIGHT_FORK', 'LIGHT_TRUST_EXPIRED', 'INTERNAL', 'CANCELLED'] as const) {
      const alone = clientOf(chain, [saying(code)]).client;
      expect(refusalOf(await alone.update())).toStrictEqual([
        'UNAVAILABLE',
        `it answered with ${code}`,
      ]);
    }
  });

  it('cannot keep the client from the next one', async () => {
    for (const code of ['LIGHT_FORK', 'LIGHT_TRUST_EXPIRED', 'INTERNAL', 'NOT_FOUND'] as const) {
      const sources = [saying(code), chain.source('a'), chain.source('b')];
      const { client } = clientOf(chain, sources);
      expect(await client.verifyAccount(addressAt(2))).toMatchObject({ ok: true });
    }
  });

  it('may say what it does not have, and shows its bugs', async () => {
    expect(refusalOf(await clientOf(chain, [saying('NOT_FOUND')]).client.update())[0]).toBe(
      'NOT_FOUND',
    );
    const broken = clientOf(chain, [failing(new TypeError('a bug'))]).client;
    await expect(broken.update()).rejects.toThrow('a bug');
  });
});
