/** A real gateway app over a fake buyer, a fake node and a fake coordinator. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { NodeClient } from '@aitbc/sdk';
import { createLog, loadConfig } from '@aitbc/service';
import { createGateway, type GatewayCoordinator } from '../app.ts';
import { gatewayConfig } from '../config.ts';
import { createFakeBuyer, type FakeBuyer, testProvider } from './fake-buyer.ts';

export interface TestGateway extends FakeBuyer {
  readonly url: string;
  readonly dataDir: string;
  readonly ownerToken: string;
  stop(): Promise<void>;
}

const offer = {
  payload: {
    provider: testProvider,
    price: { inputPerMTok: '1000000', outputPerMTok: '2000000', perRequest: '7' },
    outputMax: 100,
    windowTokens: 16,
    canResume: true,
  },
};
const measured = {
  firstTokenMsP50: 80,
  firstTokenMsP90: null,
  tokensPerSecondP50: null,
  samples: 1,
};

function fakeCoordinator(): GatewayCoordinator {
  const row = { object: 'model', created: 1_700_000_000, owned_by: 'x', providers: 2 };
  const prices = { inputPerMTok: '1000000', outputPerMTok: '2000000' };
  return {
    models: async () => ({
      object: 'list',
      data: [
        { id: 'tiny', ...row, ...prices, serves: ['chat'] },
        { id: 'org/big', ...row, ...prices, serves: ['chat', 'embed'] },
      ],
    }),
    route: async () => ({
      offers: [{ offerId: 'ab'.repeat(32), offer, rank: 0, reason: 'price', measured }],
    }),
  } as unknown as GatewayCoordinator;
}

function fakeNode(): NodeClient {
  const rpc = { state_getAccount: async () => ({ balance: '1000', vault: '500', nonce: 0 }) };
  return { rpc, close: async () => {} } as unknown as NodeClient;
}

/** Starts one on a free port. `argv` adds settings; a given folder is kept. */
export async function startGateway(
  options: { argv?: readonly string[]; dataDir?: string } = {},
): Promise<TestGateway> {
  const { argv = [], dataDir = mkdtempSync(join(tmpdir(), 'aitbc-gateway-')) } = options;
  const fake = createFakeBuyer();
  const config = loadConfig(gatewayConfig, {
    argv: ['--data-dir', dataDir, '--port', '0', ...argv],
    env: {},
  });
  const daemon = await createGateway(config, {
    log: createLog({ name: 'gateway', level: 'silent' }),
    node: fakeNode(),
    coordinator: fakeCoordinator(),
    buyer: fake.buyer,
  });
  await daemon.start();
  return Object.assign(fake, {
    url: daemon.url ?? '',
    dataDir,
    ownerToken: readFileSync(join(dataDir, 'admin.token'), 'utf8').trim(),
    async stop() {
      await daemon.stop();
      if (options.dataDir === undefined) rmSync(dataDir, { recursive: true, force: true });
    },
  });
}
