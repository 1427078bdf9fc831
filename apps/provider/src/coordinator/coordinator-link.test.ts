import { bytesFromHex, hex, randomBytes, verify } from '@aitbc/primitives';
import {
  type CoordinatorFrame,
  loginBytes,
  type ProviderFrame,
  providerSocketPath,
  zProviderFrame,
} from '@aitbc/protocol';
import {
  createHttp,
  createLog,
  type Http,
  type JsonSocket,
  mountSocket,
  until,
} from '@aitbc/service';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { defaultWords, modelName } from '../testing/counting-engine.ts';
import { startProvider, type TestProvider, type TestWishes } from '../testing/start-provider.ts';

const log = createLog({ name: 'test', level: 'silent' });
const messages = [{ role: 'user', content: 'hi' }];
const body = JSON.stringify({ model: modelName, messages });

type FrameOf<T extends ProviderFrame['type']> = Extract<ProviderFrame, { type: T }>;

/** The coordinator's end of the socket, as far as the protocol goes. */
interface Coordinator {
  readonly http: Http;
  readonly url: string;
  readonly sockets: JsonSocket[];
  readonly frames: ProviderFrame[];
  readonly nonces: string[];
  of<T extends ProviderFrame['type']>(type: T): FrameOf<T>[];
  say(frame: CoordinatorFrame): void;
}

async function startCoordinator(greeting: 'welcome' | 'refused' = 'welcome'): Promise<Coordinator> {
  const http = createHttp({ name: 'coordinator', log, closeGraceMs: 10 });
  const sockets: JsonSocket[] = [];
  const frames: ProviderFrame[] = [];
  const nonces: string[] = [];
  await mountSocket(http.app, providerSocketPath, {
    log,
    onOpen(socket) {
      sockets.push(socket);
      const nonce = hex(randomBytes(32));
      nonces.push(nonce);
      socket.send({ type: 'challenge', nonce });
      return {
        onMessage(value) {
          const frame = zProviderFrame.parse(value);
          frames.push(frame);
          if (frame.type !== 'hello') return;
          const error = { code: 'PROVIDER_UNKNOWN', message: 'not yet' };
          if (greeting === 'refused') socket.send({ type: 'refused', error });
          else socket.send({ type: 'welcome', leaseMs: 15_000, heartbeatMs: 50 });
        },
      };
    },
  });
  const url = await http.listen({ host: '127.0.0.1', port: 0 });
  return {
    ...{ http, url, sockets, frames, nonces },
    of: <T extends ProviderFrame['type']>(type: T) =>
      frames.filter((frame): frame is FrameOf<T> => frame.type === type),
    say: (frame) => void sockets.at(-1)?.send(frame),
  };
}

let coordinator: Coordinator;
let test: TestProvider;
beforeEach(async () => {
  coordinator = await startCoordinator();
});
afterEach(async () => {
  await test.stop();
  await coordinator.http.close();
});

async function start(wishes: TestWishes = {}): Promise<void> {
  test = await startProvider({ ...wishes, config: { coordinatorUrl: coordinator.url } });
}

const stateOf = async () =>
  ((await (await fetch(`${test.url}/v1/status`)).json()) as { coordinator: string }).coordinator;

function job(key: string, changes: Partial<Extract<CoordinatorFrame, { type: 'job' }>> = {}) {
  return {
    type: 'job' as const,
    jobId: test.buyer.jobId(body, key),
    offerId: '00'.repeat(32),
    body,
    payment: test.buyer.header(body, { key, tokens: 64 }),
    deadlineMs: Date.now() + 60_000,
    ...changes,
  };
}

describe('the link to a coordinator', () => {
  it('answers the challenge with its registered key, tells offers and keeps beating', async () => {
    await start();
    await until(() => coordinator.of('heartbeat').length >= 2);
    const hello = coordinator.of('hello')[0];
    const { authorizer, provider } = test.offer.payload;
    expect(hello).toMatchObject({ provider, endpoint: test.url });
    const account = test.buyer.channel.receiver;
    const signed = loginBytes(test.chain.network, account, coordinator.nonces[0] ?? '');
    const signature = bytesFromHex(hello?.signature ?? '', 64) ?? new Uint8Array();
    expect(verify(signature, signed, bytesFromHex(authorizer, 32) ?? new Uint8Array())).toBe(true);
    expect(coordinator.of('offers')[0]?.offers).toEqual([test.offer]);
    expect(coordinator.of('heartbeat')[0]?.gauges).toEqual({ running: 0, waiting: 0, slots: 4 });
    expect(await stateOf()).toBe('connected');
  });

  it('runs a job with full admission and answers with its receipt', async () => {
    await start();
    await until(() => coordinator.of('heartbeat').length > 0);
    coordinator.say(job('a'));
    const result = await until(() => coordinator.of('jobResult')[0]);
    expect(coordinator.of('jobAccepted')).toHaveLength(1);
    expect(result).toMatchObject({
      jobId: test.buyer.jobId(body, 'a'),
      answer: { choices: [{ message: { content: defaultWords.join('') } }] },
      receipt: { payload: { outcome: 'complete', charged: '54' } },
    });
  });

  it('refuses a job that is not paid, that is another job, or that is too late', async () => {
    await start();
    await until(() => coordinator.of('heartbeat').length > 0);
    coordinator.say(job('a', { payment: test.buyer.header(body, { key: 'a', cap: 5n }) }));
    coordinator.say(job('b', { deadlineMs: 1 }));
    coordinator.say(job('c', { body: '{' }));
    await until(() => coordinator.of('jobFailed').length === 3);
    const codes = coordinator.of('jobFailed').map(({ error }) => error.code);
    expect(codes.sort()).toEqual(['BAD_REQUEST', 'JOB_EXPIRED', 'VOUCHER_UNDERFUNDED']);
    expect(test.counts.calls).toBe(0);
    coordinator.say(job('d', { jobId: 'ab'.repeat(32) }));
    await until(() => coordinator.of('jobFailed').length === 4);
  });

  it('sends a result again after a lost connection until it is acknowledged', async () => {
    await start();
    await until(() => coordinator.of('heartbeat').length > 0);
    coordinator.say(job('a'));
    await until(() => coordinator.of('jobResult').length === 1);
    coordinator.sockets[0]?.close();
    await until(() => coordinator.of('jobResult').length === 2);
    expect(coordinator.of('jobResult')[1]).toEqual(coordinator.of('jobResult')[0]);
    coordinator.say({ type: 'jobAck', jobId: test.buyer.jobId(body, 'a') });
    const beats = coordinator.of('heartbeat').length;
    await until(() => coordinator.of('heartbeat').length > beats + 1);
    coordinator.sockets[1]?.close();
    await until(() => coordinator.of('hello').length === 3);
    await until(() => coordinator.of('heartbeat').length > beats + 3);
    expect(coordinator.of('jobResult')).toHaveLength(2);
    expect(test.counts.calls).toBe(1);
  });

  it('tries again when it is refused, and when it hears nonsense', async () => {
    await coordinator.http.close();
    coordinator = await startCoordinator('refused');
    await start();
    await until(() => coordinator.of('hello').length === 2);
    expect(await stateOf()).toBe('connecting');
    coordinator.sockets.at(-1)?.sendText('"nonsense"');
    await until(() => coordinator.of('hello').length >= 3);
  });
});
