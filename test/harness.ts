/** Whole networks for tests: real processes on free ports, a temporary home folder, the built-in model. */
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bringUp, type Devnet } from '@aitbc/cli/devnet';

/** A devnet and the way to end it. */
export interface TestNetwork {
  readonly devnet: Devnet;
  end(): Promise<void>;
}

/** What a test may choose: four validators and one provider when it says nothing. */
export interface NetworkChoice {
  readonly engine?: string;
  readonly validators?: number;
  readonly providers?: number;
}

/** Brings a network up in a fresh temporary home. */
export async function startNetwork({
  engine = 'embedded',
  validators = 4,
  providers = 1,
}: NetworkChoice = {}): Promise<TestNetwork> {
  const home = mkdtempSync(join(tmpdir(), 'aitbc-network-'));
  const devnet = await bringUp({
    home,
    freePorts: true,
    engine,
    validators,
    providers,
    signal: new AbortController().signal,
    tell: () => {},
  });
  return {
    devnet,
    async end() {
      await devnet.stop();
      if (!process.env.AITBC_TEST_KEEP) rmSync(home, { recursive: true, force: true });
    },
  };
}

/** Repeatable random numbers in [0, 1): mulberry32. */
export function createRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** Polls until the condition gives a value; fails with `what` after the deadline. */
export async function until<T>(
  what: string,
  condition: () => Promise<T | undefined | false>,
  timeoutMs = 20_000,
): Promise<T> {
  const end = performance.now() + timeoutMs;
  for (;;) {
    const value = await condition();
    if (value !== undefined && value !== false) return value;
    if (performance.now() > end) throw new Error(`timed out waiting until ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}

/** Claims until all that is charged is paid on chain and no job runs, at every provider. */
export async function settleAll({ clients, providers }: Devnet): Promise<void> {
  for (const provider of providers.values()) {
    await until('all charges are claimed', async () => {
      const { txId } = await provider.claimNow({});
      if (txId) {
        await until('the claim is final', async () => {
          return (await clients.node.rpc.tx_get({ txId })).status === 'final';
        });
      }
      const { charged, claimed, running } = await provider.status({});
      return running === 0 && charged === claimed;
    });
  }
}

/** A port of loopback that is free now. */
export async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
