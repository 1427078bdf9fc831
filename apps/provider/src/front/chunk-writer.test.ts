import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { until } from '@aitbc/service';
import { expect, it } from 'vitest';
import { createChunkWriter } from './chunk-writer.ts';

const rest = () => '';

/** What a reader gets of an answer that `write` makes. */
async function answerOf(write: (response: ServerResponse) => void): Promise<string> {
  const server = createServer((_request, response) => write(response));
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const text = await (await fetch(`http://127.0.0.1:${port}/`)).text();
  server.close();
  return text;
}

it('writes once what comes in one turn, and all of it at the end', async () => {
  const writes: string[] = [];
  const text = await answerOf((response) => {
    const { write } = response;
    response.write = (chunk: string) => {
      writes.push(chunk);
      return write.call(response, chunk, 'utf8');
    };
    const chunks = createChunkWriter(response, { onDrain() {}, rest });
    for (const part of ['a', 'b', 'ü']) chunks.push(part);
    setImmediate(() => {
      chunks.push('c');
      chunks.end();
    });
  });
  expect(text).toBe('abüc');
  expect(writes).toEqual(['abü', 'c']);
});

it('keeps text back that comes right after a write, until somebody is in a hurry', async () => {
  const writes: string[] = [];
  const text = await answerOf(async (response) => {
    const { write } = response;
    response.write = (chunk: string) => {
      writes.push(chunk);
      return write.call(response, chunk, 'utf8');
    };
    const chunks = createChunkWriter(response, { onDrain() {}, rest, gapMs: 60_000 });
    for (const part of ['a', 'b', 'c']) {
      chunks.push(part);
      await nextTurn();
    }
    chunks.hurry();
    await nextTurn();
    chunks.push('d');
    chunks.end();
  });
  expect(text).toBe('abcd');
  expect(writes).toEqual(['a', 'bc', 'd']);
});

it('writes text that nobody hurries after the gap', async () => {
  const text = await answerOf(async (response) => {
    let written = 0;
    const onDrain = () => {
      written += 1;
    };
    const chunks = createChunkWriter(response, { onDrain, rest });
    chunks.push('a');
    await until(() => written === 1);
    chunks.push('b');
    await until(() => written === 2);
    chunks.end();
  });
  expect(text).toBe('ab');
});

it('is full of what it has not written yet, and says when it can take more', async () => {
  let drained = 0;
  const full: boolean[] = [];
  const large = 'x'.repeat(100_000);
  const text = await answerOf(async (response) => {
    const onDrain = () => {
      drained += 1;
    };
    const chunks = createChunkWriter(response, { onDrain, rest });
    full.push(chunks.isFull());
    chunks.push(large);
    full.push(chunks.isFull());
    await until(() => drained > 0);
    full.push(chunks.isFull());
    chunks.end();
  });
  expect(text).toBe(large);
  expect(full).toEqual([false, true, false]);
});

it('takes what waits elsewhere with the next write, before what is pushed', async () => {
  let waiting = '';
  const text = await answerOf(async (response) => {
    const taken = () => {
      const all = waiting;
      waiting = '';
      return all;
    };
    const chunks = createChunkWriter(response, { onDrain() {}, rest: taken });
    for (const part of ['a', 'b']) {
      waiting += part;
      chunks.due();
    }
    chunks.push('c');
    await nextTurn();
    waiting = 'd';
    chunks.end();
  });
  expect([text, waiting]).toEqual(['abcd', '']);
});
