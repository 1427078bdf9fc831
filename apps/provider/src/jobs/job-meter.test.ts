import { afterEach, expect, it } from 'vitest';
import { modelName } from '../testing/counting-engine.ts';
import { readSse } from '../testing/read-answer.ts';
import { startProvider, type TestProvider } from '../testing/start-provider.ts';
import { createAnswerLog } from './answer-log.ts';
import { createJobMeter, type MeterDeps } from './job-meter.ts';
import type { LiveJob } from './run-job.ts';

let test: TestProvider | undefined;
afterEach(async () => {
  await test?.stop();
  test = undefined;
});

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

it('nobody keeps the text back that leaves half a window of what is covered', () => {
  const answer = createAnswerLog(() => {});
  const offer = { payload: { windowTokens: 16 } };
  const job = { ...{ jobId: 'j', channelId: 'c', answer, offer }, maxTokens: 64, startedAtMs: 0 };
  let covered = 16;
  const books = { covered: () => covered, count() {}, written: async () => {} };
  const deps = { books, nowMs: () => 0 };
  const meter = createJobMeter(job as unknown as LiveJob, deps as unknown as MeterDeps);
  let sum = 0;
  const urgent: number[] = [];
  answer.follow({
    onEvent(event) {
      if (event.type !== 'text') return;
      sum += event.tokens;
      if (event.isUrgent) urgent.push(sum);
    },
  });
  for (const tokens of [1, 3, 3, 1, 1, 1]) meter.deliver({ text: 'x', tokens });
  covered = 20;
  for (const tokens of [1, 3]) meter.deliver({ text: 'x', tokens });
  expect(urgent).toEqual([8, 14]); // at most 8 and 4 away from the end of what is covered
});
