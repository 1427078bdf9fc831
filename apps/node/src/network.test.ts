/** Four validators in one process, over real sockets and disks. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { addressOf, networkFromGenesis } from '@aitbc/protocol';
import { createLog } from '@aitbc/service';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { type ChainNode, createNode } from './app.ts';
import { readGenesisFile } from './setup/genesis-file.ts';
import { initDevnet } from './setup/init-devnet.ts';
import { createJournal } from './storage/journal/journal.ts';
import { actor, fund, resultOf, seedOf, sendParams, transfer } from './testing/test-node.ts';

const count = 4;
let folder: string;
let nodes: ChainNode[];

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'aitbc-four-'));
  const { genesisFile, keyFiles, faucetKeyFile } = initDevnet({
    folder,
    timeMs: 1_760_000_000_000,
    validators: count,
    seeds: { validator: seedOf(250), faucet: seedOf(251) },
  });
  nodes = [];
  for (let at = 0; at < count; at += 1) {
    const dataDir = join(folder, `node-${at + 1}`);
    await createJournal({ folder: dataDir });
    const node = createNode(
      {
        ...{ dataDir, genesisFile, host: '127.0.0.1', port: 0, minBlockIntervalMs: 2 },
        keyFile: keyFiles[at] as string,
        faucetKeyFile: at === 0 ? faucetKeyFile : undefined,
        meshPort: 0,
        peers: nodes.map(({ meshPort }) => `127.0.0.1:${meshPort}`).join(','),
      },
      { log: createLog({ name: `node-${at + 1}`, level: process.env.LOG_LEVEL ?? 'silent' }) },
    );
    await node.start();
    nodes.push(node);
  }
});

afterEach(async () => {
  for (const node of nodes) await node.stop();
  rmSync(folder, { recursive: true, force: true });
});

it('agree on every block', async () => {
  const url = (nodes[0] as ChainNode).url as string;
  const payer = actor(7);
  await fund(url, payer, 1_000_000_000n);
  const network = networkFromGenesis(readGenesisFile(join(folder, 'genesis.json')));
  for (let nonce = 0; nonce < 5; nonce += 1) {
    const tx = transfer(network, payer, { to: actor(8).publicKey, amount: 3n, nonce });
    const { status } = await resultOf(url, 'tx_sendAndWait', sendParams(tx));
    expect(status).toBe('final');
  }
  const address = addressOf(actor(8).publicKey);
  for (const node of nodes) {
    const ownUrl = node.url as string;
    const head = await resultOf(url, 'chain_status');
    for (let tries = 0; tries < 400; tries += 1) {
      if ((await resultOf(ownUrl, 'chain_status')).height >= head.height) break;
      await new Promise((done) => setTimeout(done, 10));
    }
    const block = await resultOf(ownUrl, 'chain_getBlock', { height: head.height });
    expect(block.hash).toBe(head.blockHash);
    expect((await resultOf(ownUrl, 'state_getAccount', { address })).balance).toBe('15');
  }
});
