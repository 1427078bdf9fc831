import { expect, test } from 'vitest';
import { boundLookups } from './bound-lookups.ts';

test('of many questions at once the node gets 32, and later ones again', async () => {
  let asked = 0;
  let answer = (): void => {};
  const wait = new Promise<void>((done) => {
    answer = done;
  });
  const chain = boundLookups({
    async agent() {
      asked += 1;
      await wait;
      return undefined;
    },
    task: async () => undefined,
  });
  const first = Array.from({ length: 32 }, () => chain.agent('ait1'));
  const refused = { code: 'RATE_LIMITED' };
  await expect(chain.agent('ait1')).rejects.toMatchObject(refused);
  await expect(chain.task('ab')).rejects.toMatchObject(refused);
  answer();
  await Promise.all(first);
  expect(await chain.task('ab')).toBeUndefined();
  expect(asked).toBe(32);
});
