/**
 * Ethereum development nodes as peers: Anvil and Hardhat (EDR), each one process, no consensus, state in memory.
 * Both get room for 9 500 transfers in a block and blocks of one second, in which they are fastest; for the
 * idle figure they mine each transaction at once. Their own request log is off.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createNews, createSender, markFinal } from '../lib/load.mjs';
import { freePorts, startProgram } from '../lib/processes.mjs';
import { createRpcClient, openSocket, requestText } from '../lib/rpc-client.mjs';
import { peersFolder } from './install-peers.mjs';
import { createEtherSigner } from './sign-ether.mjs';

const chainId = 31_337;
const blockGas = 200_000_000;
const gasPerTransfer = 21_000n;
const maxFeeWei = 10n ** 10n; // ten times the base fee of the first block; blocks half full leave it where it is
const tipWei = 10n ** 9n;
const balance = `0x${(10n ** 24n).toString(16)}`;

/** Signed transfers of `count` accounts, `each` of them; the receivers are the other accounts. */
export async function signEtherTransfers({ count, each }) {
  const signer = await createEtherSigner({ chainId, maxFeeWei, tipWei, gas: gasPerTransfer });
  const accounts = Array.from({ length: count }, (_, at) => signer.account(at));
  return accounts.map(({ key, address }, at) => {
    const texts = [];
    const hashes = [];
    for (let nonce = 0; nonce < each; nonce += 1) {
      const to = accounts[(at + 1 + (nonce % (count - 1))) % count].address;
      const { raw, hash } = signer.transfer({ key, to, nonce });
      texts.push(requestText({ method: 'eth_sendRawTransaction', params: [raw], id: nonce }));
      hashes.push(hash);
    }
    return { address: `0x${address.toString('hex')}`, texts, hashes };
  });
}

/** Starts a peer. `isInstant` mines each transaction at once, else one block a second. */
export async function startPeer({ name, folder, isInstant, undo }) {
  const [port] = await freePorts(1);
  const url = `http://127.0.0.1:${port}`;
  mkdirSync(folder, { recursive: true });
  const client = createRpcClient({ url, connections: 1 });
  undo.push(client.close);
  const peer = await startProgram({
    ...starts[name]({ port, folder, isInstant }),
    logFile: join(folder, `${name}.log`),
    isReady: () => client.call('eth_chainId', []),
  });
  undo.push(peer.stop);
  if (name === 'hardhat') await client.call('hardhat_setLoggingEnabled', [false]);
  return { ...peer, url, client };
}

const starts = {
  anvil: ({ port, isInstant }) => ({
    program: join(peersFolder, 'node_modules/@foundry-rs/anvil-linux-amd64/bin/anvil'),
    args: [
      ...['--silent', '--port', String(port), '--accounts', '1', '--gas-limit', String(blockGas)],
      ...(isInstant ? [] : ['--block-time', '1']),
    ],
  }),
  hardhat: ({ port, folder, isInstant }) => {
    const mining = isInstant ? { auto: true } : { auto: false, interval: 1_000 };
    const hardhat = { chainId, mining, blockGasLimit: blockGas, accounts: { count: 1 } };
    const config = join(folder, 'hardhat.config.cjs');
    writeFileSync(
      config,
      `module.exports = ${JSON.stringify({ solidity: '0.8.28', networks: { hardhat } })};\n`,
    );
    return {
      program: process.execPath,
      args: [
        join(peersFolder, 'node_modules/hardhat/internal/cli/cli.js'),
        ...['--config', config, 'node', '--port', String(port), '--hostname', '127.0.0.1'],
      ],
      cwd: peersFolder,
      env: { HARDHAT_DISABLE_TELEMETRY_PROMPT: 'true', CI: 'true' },
    };
  },
};

/** Lanes of a load on a peer: its accounts funded, new heads followed over a WebSocket. */
export async function openEtherLanes(peer, { signed, connections, undo }) {
  const news = createNews();
  const lanes = Array.from({ length: connections }, () => ({
    client: createRpcClient({ url: peer.url, connections: 1 }),
    senders: [],
  }));
  undo.push(() => {
    for (const { client } of lanes) client.close();
  });
  const byHash = new Map();
  for (const [at, { address, texts, hashes }] of signed.entries()) {
    await peer.client.call('hardhat_setBalance', [address, balance]);
    const sender = createSender({ id: address, texts });
    for (const hash of hashes) byHash.set(hash, sender);
    lanes[at % connections].senders.push(sender);
  }
  const refused = [];
  const mined = new Map();
  const look = async (height) => {
    const block = await peer.client.call('eth_getBlockByNumber', [height, false]);
    for (const hash of block.transactions) {
      const sender = byHash.get(hash);
      if (sender) mined.set(sender, (mined.get(sender) ?? 0) + 1);
    }
    for (const [sender, count] of mined) markFinal(sender, count);
    news.ring();
  };
  const socket = await openSocket(peer.url, ({ params }) => {
    if (params?.result?.number) look(params.result.number).catch((error) => refused.push(error));
  });
  undo.push(socket.close);
  socket.ask('eth_subscribe', ['newHeads']);
  return { lanes, news, refused };
}

/** Asserts that each account has made as many transactions as were sent. */
export async function assertMined(peer, senders) {
  for (const { id, sent } of senders) {
    const count = Number(await peer.client.call('eth_getTransactionCount', [id, 'latest']));
    if (count !== sent) throw new Error(`${peer.url}: ${id} made ${count} of ${sent} transactions`);
  }
}
