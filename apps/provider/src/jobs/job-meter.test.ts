import { afterEach, expect, it } from 'vitest';
import { modelName } from '../testing/counting-engine.ts';
import { readSse } from '../testing/read-answer.ts';
import { startProvider, type TestProvider } from '../testing/start-provider.ts';

let test: TestProvider;
afterEach(() => test.stop());

it.each([
  { most: 16, ends: [16] },
  { most: 20, ends: [16, 20] },
  { most: 32, ends: [16, 32] },
])(
  'an answer of at most $most tokens has receipts at $ends: its last window is signed once',
  async (about) => {
    test = await startProvider({});
    const messages = [{ role: 'user', content: 'hi' }];
    const asked = { model: modelName, messages, stream: true, max_tokens: about.most };
    const body = JSON.stringify(asked);
    const headers = { 'payment-signature': test.buyer.header(body) };
    const answer = await fetch(`${test.url}/v1/chat/completions`, {
      method: 'POST',
      body,
      headers,
    });
    const { receipts } = readSse(await answer.text());
    expect(receipts.map(({ payload }) => payload.to)).toEqual(about.ends);
    expect(receipts.at(-1)?.payload.outcome).toBe('complete');
  },
);
