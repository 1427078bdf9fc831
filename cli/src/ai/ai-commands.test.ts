import { writeFileSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { join } from 'node:path';
import { coordinatorEndpoints, gatewayEndpoints, gatewayHeaders } from '@aitbc/protocol';
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createTestHome, type RunOptions } from '../testing/run-words.ts';
import { sampleGenesisHash, sampleProof } from '../testing/sample-proof.ts';
import { serveTable, type TableHandlers, type TestServer } from '../testing/table-server.ts';
import { until } from '../testing/until.ts';
import type { Job } from './job-text.ts';

const home = createTestHome();
afterAll(() => home.remove());
const { proof, provider, offer, receipts } = sampleProof();
const { jobId } = proof;

const chunk = (content: string) => ({ model: 'tiny', choices: [{ delta: { content } }] });
const usage = {
  model: 'tiny',
  choices: [],
  usage: {
    prompt_tokens: 9,
    completion_tokens: 2,
    x_aitbc: { charged: '4450', jobId, provider },
  },
};
const event = (data: unknown) =>
  `data: ${typeof data === 'string' ? data : JSON.stringify(data)}\n\n`;

function begin(response: ServerResponse): void {
  response.writeHead(200, { 'content-type': 'text/event-stream', [gatewayHeaders.jobId]: jobId });
}

/** Answers "Hello world"; the second half comes when `next` resolves. */
function helloWorld(next: Promise<unknown> = Promise.resolve()) {
  return async (_input: unknown, { response }: { response: ServerResponse }) => {
    begin(response);
    response.write(event(chunk('Hello ')));
    await next;
    response.write(`: aitbc-receipt {}\n\n${event(chunk('world'))}${event(usage)}`);
    response.end(event('[DONE]'));
  };
}

const job: Job = {
  ...{ jobId, state: 'queued', kind: 'inference', model: 'tiny', payer: provider, provider },
  ...{ offerId: jobId, attempts: 0, createdAtMs: 1, deadlineMs: 2 },
  ...{ startedAtMs: null, finishedAtMs: null },
  error: null,
};

let gateway: TestServer;
const serve = async (handlers: TableHandlers<typeof gatewayEndpoints>) => {
  await gateway?.close();
  gateway = await serveTable(gatewayEndpoints, {
    models: () => ({ object: 'list' as const, data: [{ id: 'tiny' }, { id: 'huge' }] }),
    proof: () => proof,
    submitJob: () => job,
    ...handlers,
  });
};
beforeEach(() => serve({ chatCompletions: helloWorld() }));
afterEach(() => gateway.close());
const run = (words: readonly string[], options?: RunOptions) =>
  home.run([...words, '--gateway-url', gateway.url], options);

describe('ai ask', () => {
  it('prints the answer, and on standard error what it cost', async () => {
    const { exitCode, stdout, stderr } = await run(['ai', 'ask', 'hi', '--max-tokens', '5']);
    expect([exitCode, stdout]).toEqual([0, 'Hello world\n']);
    expect(stderr).toMatch(/^11 tokens \(9 in, 2 out\) · 0.00000445 AIT · .* · provider ait1/);
    expect(stderr).toContain(`job ${jobId}\n`);
    expect(gateway.calls.at(-1)?.input).toMatchObject({
      model: 'tiny',
      messages: [{ role: 'user', content: 'hi' }],
      max_tokens: 5,
      stream: true,
      stream_options: { include_usage: true },
    });
  });

  it('hands each piece on before the next one exists', async () => {
    let finish: () => void = () => {};
    await serve({
      chatCompletions: helloWorld(new Promise<void>((resolve) => (finish = resolve))),
    });
    let seen = '';
    const running = run(['ai', 'ask', 'hi'], { onStdout: (text) => (seen += text) });
    await until(() => seen === 'Hello ', 'the first piece');
    finish();
    expect((await running).stdout).toBe('Hello world\n');
  });

  it('is one object with --json, and the saved receipt verifies', async () => {
    const file = join(home.dir, 'job.json');
    const { stdout, stderr } = await run(['ai', 'ask', 'hi', '--json', '--save-receipt', file]);
    expect(stderr).toBe('');
    expect(JSON.parse(stdout)).toMatchObject({
      ...{ text: 'Hello world', charged: '4450', outputTokens: 2, jobId, receiptFile: file },
    });
    const words = ['receipt', 'verify', file, '--offline', '--genesis-hash', sampleGenesisHash];
    expect((await home.run(words)).exitCode).toBe(0);
  });

  it('does not pay when the receipt could not be kept', async () => {
    const file = join(home.dir, 'nowhere', 'job.json');
    const { exitCode, stderr } = await run(['ai', 'ask', 'hi', '--save-receipt', file]);
    expect([exitCode, stderr.includes('it does not exist')]).toEqual([2, true]);
    expect(gateway.calls).toEqual([]);
  });

  it('takes system words, and text from a file or standard input below the prompt', async () => {
    const file = join(home.dir, 'notes.txt');
    writeFileSync(file, 'notes');
    await run(['ai', 'ask', 'Sum up', '--file', file, '--system', 'Be brief', '-m', 'huge']);
    expect(gateway.calls.at(-1)?.input).toMatchObject({
      model: 'huge',
      messages: [
        { role: 'system', content: 'Be brief' },
        { role: 'user', content: 'Sum up\n\nnotes' },
      ],
    });
    await run(['ai', 'ask', '--file', '-'], { stdin: 'from a pipe' });
    expect(gateway.calls.at(-1)?.input).toMatchObject({ messages: [{ content: 'from a pipe' }] });
    expect((await run(['ai', 'ask'])).exitCode).toBe(2);
  });

  it('passes on what the gateway refuses, before or inside the stream', async () => {
    const error = { message: 'Nobody sells tiny.', type: 'api_error', code: 'NO_OFFER' };
    const refuse = (_input: unknown, { response }: { response: ServerResponse }) => {
      response.writeHead(503, { 'content-type': 'application/json' });
      response.end(JSON.stringify({ error }));
    };
    await serve({ chatCompletions: refuse });
    const before = await run(['ai', 'ask', 'hi']);
    expect([before.exitCode, before.stdout, before.stderr]).toEqual([
      7,
      '',
      'Nobody sells tiny.\n',
    ]);
    await serve({
      chatCompletions(_input, { response }) {
        begin(response);
        response.end(event(chunk('Hel')) + event({ error }));
      },
    });
    const inside = await run(['ai', 'ask', 'hi', '--json']);
    expect(inside.exitCode).toBe(7);
    expect(JSON.parse(inside.stdout)).toMatchObject({ error: { code: 'NO_OFFER' } });
  });

  it('shows the gateway the key of the environment or of a file, in every call', async () => {
    const file = join(home.dir, 'key');
    writeFileSync(file, 'aitbc-filed\n');
    const bearers = async (env: Record<string, string>) => {
      const before = gateway.calls.length;
      const words = ['ai', 'ask', 'hi', '--save-receipt', join(home.dir, 'keyed.json')];
      expect((await run(words, { env })).exitCode).toBe(0);
      return gateway.calls.slice(before).map(({ authorization }) => authorization);
    };
    const three = (text: string | undefined) => [text, text, text];
    expect(await bearers({ AITBC_GATEWAY_KEY: 'aitbc-x' })).toEqual(three('Bearer aitbc-x'));
    expect(await bearers({ AITBC_GATEWAY_KEY_FILE: file })).toEqual(three('Bearer aitbc-filed'));
    expect(await bearers({})).toEqual(three(undefined));
  });

  it('says how to get a key when the gateway wants one or does not know it', async () => {
    const error = {
      message: 'A key is needed.',
      type: 'authentication_error',
      code: 'UNAUTHORIZED',
    };
    const refuse = (_input: unknown, { response }: { response: ServerResponse }) => {
      response.writeHead(401, { 'content-type': 'application/json' });
      response.end(JSON.stringify({ error }));
      return undefined as never;
    };
    await serve({ chatCompletions: refuse, models: refuse });
    for (const words of [
      ['ai', 'ask', 'hi'],
      ['ai', 'ask', 'hi', '-m', 'tiny'],
    ]) {
      const { exitCode, stderr } = await run(words);
      expect([exitCode, stderr.includes('the gateway wants an API key')]).toEqual([5, true]);
      expect(stderr).toContain('AITBC_GATEWAY_KEY');
      expect(stderr).toContain('aitbc gateway key create');
      const known = await run(words, { env: { AITBC_GATEWAY_KEY: 'old' } });
      expect(known.stderr).toContain('the gateway does not know this API key');
    }
    const nowhere = { AITBC_GATEWAY_KEY_FILE: join(home.dir, 'no-key') };
    const lost = await run(['ai', 'ask', 'hi'], { env: nowhere });
    expect([lost.exitCode, lost.stderr.includes('no API key can be read from')]).toEqual([5, true]);
  });

  it('does not call an answer whole that ends without its end mark', async () => {
    await serve({
      chatCompletions(_input, { response }) {
        begin(response);
        response.end(event(chunk('Hel')));
      },
    });
    const { exitCode, stderr } = await run(['ai', 'ask', 'hi']);
    expect([exitCode, stderr.includes('before its end')]).toEqual([7, true]);
  });

  it('ends with 130 at Ctrl-C and hangs up, so that the bill stops', async () => {
    let isGone = false;
    await serve({
      async chatCompletions(_input, { response }) {
        begin(response);
        response.write(event(chunk('Hel')));
        await new Promise<void>((resolve) => response.on('close', resolve));
        isGone = true;
      },
    });
    const ending = new AbortController();
    const onStdout = () => ending.abort();
    const { exitCode, stderr } = await run(['ai', 'ask', 'hi'], {
      signal: ending.signal,
      onStdout,
    });
    expect([exitCode, stderr]).toEqual([130, 'Stopped.\n']);
    await until(() => isGone, 'the hang-up');
  });
});

describe('asynchronous jobs', () => {
  let coordinator: TestServer;
  let looks = 0;
  const states: Job['state'][] = ['queued', 'running', 'completed'];
  const failed = { code: 'ENGINE_CRASHED', message: 'The engine died.' };
  beforeEach(async () => {
    looks = 0;
    coordinator = await serveTable(coordinatorEndpoints, {
      getJob(input) {
        if (input.jobId !== jobId) return { ...job, state: 'failed' as const, error: failed };
        looks += 1;
        return { ...job, state: states[Math.min(looks, states.length) - 1] ?? 'queued' };
      },
      jobResult: () => ({
        jobId,
        answer: { choices: [{ message: { content: 'Forty-two.' } }] },
        receipt: receipts[1] as (typeof receipts)[number],
        offer,
      }),
    });
  });
  afterEach(() => coordinator.close());
  const ask = (...words: string[]) => run([...words, '--coordinator-url', coordinator.url]);

  it('are handed in with a key that makes repeats safe', async () => {
    const { stdout } = await ask('ai', 'submit', 'hi', '--key', 'once', '-t', '0.5');
    expect(stdout).toContain(`aitbc ai results ${jobId} --wait`);
    expect(gateway.calls.at(-1)?.input).toEqual({
      ...{ model: 'tiny', messages: [{ role: 'user', content: 'hi' }] },
      ...{ temperature: 0.5, idempotencyKey: 'once' },
    });
  });

  it('are followed until they end', async () => {
    expect((await ask('ai', 'status', jobId)).stdout).toMatch(/^state +queued$/m);
    looks = 0;
    expect((await ask('ai', 'status', jobId, '--wait')).stdout).toMatch(/^state +completed$/m);
    expect(looks).toBe(3);
  });

  it('give their result when they are complete, and an error with its code otherwise', async () => {
    const early = await ask('ai', 'results', jobId);
    expect([early.exitCode, early.stderr.includes('is queued')]).toEqual([6, true]);
    const whole = await ask('ai', 'results', jobId, '--wait');
    expect(whole.stdout).toBe('Forty-two.\n');
    expect(whole.stderr).toContain('12 tokens · 0.0000018 AIT');
    const broken = await ask('ai', 'results', '00'.repeat(32), '--wait', '--json');
    expect(broken.exitCode).toBe(7);
    expect(JSON.parse(broken.stdout).error).toMatchObject(failed);
  });
});
