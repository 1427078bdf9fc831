import { describe, expect, it } from 'vitest';
import type { HttpAnswer, HttpRequest, Transport } from '../http/transport.ts';
import { followEvents } from './follow-events.ts';

const bytes = (text: string) => new TextEncoder().encode(text);

/** A transport that gives the answers one after the other, and keeps what it was asked. */
function scripted(answers: readonly (HttpAnswer | Error)[]) {
  const asked: HttpRequest[] = [];
  const transport: Transport = {
    async request(request) {
      const answer = answers[Math.min(asked.length, answers.length - 1)];
      asked.push(request);
      if (!answer || answer instanceof Error) throw answer;
      return answer;
    },
    close: async () => {},
  };
  return { transport, asked };
}

const answerOf = (text: string, status = 200): HttpAnswer => ({
  status,
  header: () => undefined,
  body: (async function* () {
    // Cut in the middle of an event, as networks do.
    yield bytes(text.slice(0, 7));
    yield bytes(text.slice(7));
  })(),
});

async function take(count: number, { transport }: { transport: Transport }, lastId?: string) {
  const ending = new AbortController();
  const { signal } = ending;
  const data: string[] = [];
  for await (const event of followEvents({ transport, url: 'http://x/e', lastId, signal })) {
    data.push(event.data);
    if (data.length === count) break;
  }
  return data;
}

describe('a followed stream', () => {
  it('goes on from the last id when it ends or cannot be reached', async () => {
    const script = scripted([
      answerOf('id: 5\nevent: task\ndata: one\n\n: waiting\n\n'),
      Object.assign(new Error('gone'), { code: 'UNAVAILABLE', facts: {} }),
      answerOf('id: 6\ndata: two\n\n'),
    ]);
    expect(await take(2, script, '4')).toEqual(['one', 'two']);
    const ids = script.asked.map(({ headers }) => headers['last-event-id']);
    expect(ids).toEqual(['4', '5', '5']);
  });

  it('ends with what the server refuses for good', async () => {
    const body = JSON.stringify({ code: 'BAD_REQUEST', message: 'no', facts: { reason: 'no' } });
    const script = scripted([answerOf(body, 400)]);
    await expect(take(1, script)).rejects.toMatchObject({ code: 'BAD_REQUEST' });
    expect(script.asked).toHaveLength(1);
  });

  it('ends with CANCELLED when its reader stops it', async () => {
    const ending = new AbortController();
    const { transport } = scripted([answerOf('id: 1\ndata: one\n\n')]);
    const { signal } = ending;
    const read = async () => {
      for await (const _event of followEvents({ transport, url: 'http://x/e', signal })) {
        ending.abort();
      }
    };
    await expect(read()).rejects.toMatchObject({ code: 'CANCELLED' });
  });
});
