import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bytesFromHex, hex, keyPairFromSeed, verify } from '@aitbc/primitives';
import {
  AppError,
  addressOf,
  coordinatorEndpoints,
  loginBytes,
  networkFromHash,
} from '@aitbc/protocol';
import { createTransport } from '@aitbc/sdk';
import { afterEach, describe, expect, it } from 'vitest';
import { serveTable, type TestServer } from '../../testing/table-server.ts';
import { createLostJobs } from './lost-jobs.ts';

const seed = new Uint8Array(32).fill(7);
const { publicKey } = keyPairFromSeed(seed);
const account = hex(publicKey);
const genesisHash = 'ab'.repeat(32);
const network = networkFromHash('test', genesisHash);
const nonce = '0c'.repeat(32);
const dir = mkdtempSync(join(tmpdir(), 'aitbc-lost-'));
const transport = createTransport();
let server: TestServer;
afterEach(async () => {
  await server.close();
});

const about = {
  name: 'c',
  network: 'test',
  caip2: network.caip2,
  genesisHash,
  webhookKey: account,
};
const counts = { queued: 0, dispatched: 0, running: 0, completed: 0, failed: 0, expired: 0 };
const decision = (rank: number | null, text: string) => ({
  ...{ decisionId: 'd', atMs: 1, model: 'tiny', offerId: nonce, rank, candidates: 2 },
  ...{ factor: 'price', own: 1, best: 1, text },
});

/** A coordinator that checks the signature, and whose tokens may run out. */
async function start(state: { tokens: number; isOld: boolean }) {
  server = await serveTable(coordinatorEndpoints, {
    about: () => ({ ...about, providers: 1, offers: 1, jobs: { ...counts, cancelled: 0 } }),
    providerChallenge: () => ({ nonce, validUntilMs: 9 }),
    providerLogin({ provider, signature }) {
      const bytes = loginBytes(network, account, nonce);
      const given = bytesFromHex(signature, 64) ?? new Uint8Array();
      expect([provider, verify(given, bytes, publicKey)]).toEqual([addressOf(account), true]);
      state.tokens += 1;
      return { token: `t${state.tokens}`, validUntilMs: 9 };
    },
    decisions() {
      if (state.isOld) throw new AppError('UNAUTHORIZED', { reason: 'run out' });
      const decisions = [decision(2, 'price 12 % above the winner'), decision(0, 'won')];
      return { provider: addressOf(account), decisions };
    },
  });
  writeFileSync(join(dir, 'authorizer.key'), `${hex(seed)}\n`);
  const { signal } = new AbortController();
  const options = { coordinatorUrl: server.url, address: addressOf(account), dataDir: dir };
  return createLostJobs({ ...options, transport, signal });
}

describe('lost jobs', () => {
  it('are told to who signs with the key of the provider, without those it won', async () => {
    const state = { tokens: 0, isOld: false };
    const read = await start(state);
    expect(await read()).toEqual(['tiny: price 12 % above the winner']);
    await read();
    expect(state.tokens).toBe(1);
    expect(server.calls.at(-1)?.authorization).toBe('Bearer t1');
  });

  it('are none when the login has run out, and told again after the next one', async () => {
    const state = { tokens: 0, isOld: true };
    const read = await start(state);
    expect(await read()).toEqual([]);
    state.isOld = false;
    expect(await read()).toHaveLength(1);
    expect(state.tokens).toBe(2);
    rmSync(dir, { recursive: true });
  });
});
