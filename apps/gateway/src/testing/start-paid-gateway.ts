/** A real gateway app with a real buyer, on a chain in memory, and one small honest seller. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AppError, offerIdOf } from '@aitbc/protocol';
import { createGatewayClient, type GatewayClient } from '@aitbc/sdk';
import { createTestChain, type Seller, type SellerFaults, startSeller } from '@aitbc/sdk/testing';
import { createLog, loadConfig, until } from '@aitbc/service';
import OpenAI from 'openai';
import { createGateway, type GatewayCoordinator } from '../app.ts';
import { gatewayConfig } from '../config.ts';

/** What the seller says: 7 nait for the request, 5 prompt tokens at 1, 30 output tokens at 10 are 312. */
export const words = Array.from({ length: 30 }, (_, index) => `w${index} `);

export interface PaidGatewayOptions {
  readonly faults?: SellerFaults;
  /** More settings. */
  readonly argv?: readonly string[];
}

export interface PaidGateway {
  readonly url: string;
  readonly owner: GatewayClient;
  readonly seller: Seller;
  openai(secret: string): OpenAI;
  /** Largest sum that was ever signed, nait. */
  signed(): Promise<bigint>;
  stop(): Promise<void>;
}

/** Starts one on a free port; windows have four tokens. */
export async function startPaidGateway({
  faults = {},
  argv = [],
}: PaidGatewayOptions = {}): Promise<PaidGateway> {
  const chain = createTestChain();
  const { network, channelOf, node, sender } = chain;
  const sold = { network, channelOf, seed: 10, tokens: words, model: 'tiny', windowTokens: 4 };
  const seller = await startSeller({ ...sold, faults });
  chain.register(seller.offer);
  const dataDir = mkdtempSync(join(tmpdir(), 'paid-gateway-'));
  const settings = ['--data-dir', dataDir, '--port', '0', '--allow-private', ...argv];
  const log = createLog({ name: 'test', level: 'silent' });
  const coordinator = coordinatorOf(offerIdOf(network, seller.offer.payload), seller);
  const config = loadConfig(gatewayConfig, { argv: settings, env: {} });
  const daemon = await createGateway(config, { log, node, sender, coordinator });
  await daemon.start();
  const url = daemon.url ?? '';
  await until(async () => (await fetch(`${url}/health/ready`)).status === 200);
  const token = readFileSync(join(dataDir, 'admin.token'), 'utf8').trim();
  const owner = createGatewayClient({ baseUrl: url, token });
  return {
    ...{ url, owner, seller },
    openai: (apiKey) => new OpenAI({ apiKey, baseURL: `${url}/v1`, maxRetries: 0 }),
    async signed() {
      const { channels } = await owner.spend({});
      return channels.reduce((sum, { signedMax }) => sum + BigInt(signedMax), 0n);
    },
    async stop() {
      await daemon.stop();
      await seller.server.close();
      rmSync(dataDir, { recursive: true });
    },
  };
}

function coordinatorOf(offerId: string, { offer }: Seller): GatewayCoordinator {
  const gauges = { running: 0, waiting: 0, slots: 1 };
  const measured = {
    firstTokenMsP50: null,
    firstTokenMsP90: null,
    tokensPerSecondP50: null,
    samples: 0,
  };
  const offers = [{ offerId, offer, rank: 0, reason: 'only', measured, gauges }];
  const unused = () => Promise.reject(new AppError('JOB_UNKNOWN', { jobId: 'x' }));
  return {
    route: async () => ({ offers }),
    report: async () => ({ accepted: true }),
    models: async () => ({ object: 'list', data: [] }),
    submitJob: unused,
    getJob: unused,
  };
}
