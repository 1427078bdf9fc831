import { expect, it } from 'vitest';
import { type ChatNews, readChat } from './chat-stream.ts';

function streamOf(text: string, sizes: number): ReadableStream<Uint8Array> {
  const bytes = new TextEncoder().encode(text);
  return new ReadableStream({
    start(controller) {
      for (let at = 0; at < bytes.length; at += sizes)
        controller.enqueue(bytes.slice(at, at + sizes));
      controller.close();
    },
  });
}

async function allOf(text: string, sizes: number): Promise<ChatNews[]> {
  const news: ChatNews[] = [];
  for await (const one of readChat(streamOf(text, sizes))) news.push(one);
  return news;
}

const piece = (content: string) =>
  `data: ${JSON.stringify({ choices: [{ delta: { content } }] })}\n\n`;
const moved = { from: 'ait1a', to: 'ait1b', code: 'UNAVAILABLE', gapMs: 31 };
const usage = {
  prompt_tokens: 3,
  completion_tokens: 4,
  x_aitbc: { charged: '42', jobId: 'ab', providers: ['ait1a', 'ait1b'] },
};
const whole = [
  piece('A vïew '),
  `: aitbc-moved ${JSON.stringify(moved)}\n\n`,
  piece('is 🦙'),
  `data: ${JSON.stringify({ choices: [{ delta: {}, finish_reason: 'stop' }] })}\n\n`,
  `data: ${JSON.stringify({ choices: [], usage })}\n\n`,
  'data: [DONE]\n\n',
].join('');

it('says the same however the bytes are cut', async () => {
  for (const sizes of [1, 3, 7, 10_000]) {
    const { charged, jobId, providers } = usage.x_aitbc;
    expect(await allOf(whole, sizes)).toEqual([
      { type: 'text', text: 'A vïew ' },
      { type: 'moved', moved },
      { type: 'text', text: 'is 🦙' },
      { type: 'finish', reason: 'stop' },
      { type: 'bill', bill: { promptTokens: 3, outputTokens: 4, charged, jobId, providers } },
    ]);
  }
});

it('throws an error that comes in the middle', async () => {
  const error = { error: { code: 'BUDGET_EXCEEDED', message: 'no more today' } };
  await expect(allOf(`${piece('a')}data: ${JSON.stringify(error)}\n\n`, 9)).rejects.toMatchObject({
    code: 'BUDGET_EXCEEDED',
    message: 'no more today',
  });
});
