/**
 * Brother Chain for the benchmarks: a genesis with funded accounts, the same for all rounds so that transactions
 * are signed once, and networks of real node processes over it, each round with fresh folders. The nodes are
 * started as the devnet starts them: keys and journals by `--init`, meshes that know each other's keys.
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { hex, keyPairFromSeed } from '@aitbc/primitives';
import { addressOf, networkFromGenesis, signTx } from '@aitbc/protocol';
import { createNews, createSender, markFinal } from './load.mjs';
import { freePorts, startProgram } from './processes.mjs';
import { createRpcClient, openSocket } from './rpc-client.mjs';

const main = fileURLToPath(new URL('../../../apps/node/dist/main.js', import.meta.url));
const balanceNait = 10n ** 15n;
const fee = 1_000_000n; // above the floor of any batch
const genesisAccountsMax = 100_000; // the schema of a genesis document allows no more
const topicsPerSocket = 256;

/** Key pair and id of the account with a number. */
export function accountOfNumber(number) {
  const seed = createHash('sha256').update(`bench account ${number}`).digest();
  const keys = keyPairFromSeed(new Uint8Array(seed));
  return { keys, id: hex(keys.publicKey) };
}

/** Id of an account that nobody has the key of and that only receives. */
export function receiverId(number) {
  return createHash('sha256').update(`bench receiver ${number}`).digest('hex');
}

/**
 * Writes genesis and keys of `validators` nodes into `folder`. `accounts` send; `receivers` more ids exist with
 * a balance, as far as a genesis document may hold them.
 */
export function createGenesis({ folder, validators, accounts, receivers = 0 }) {
  init({ folder, validators, dataDirs: [] });
  const path = join(folder, 'genesis.json');
  const genesis = JSON.parse(readFileSync(path, 'utf8'));
  const room = genesisAccountsMax - accounts.length - genesis.accounts.length;
  const inGenesis = Math.min(receivers, room);
  const more = [
    ...accounts.map(({ id }) => ({ address: addressOf(id), balance: balanceNait.toString() })),
    ...Array.from({ length: inGenesis }, (_, at) => ({
      address: addressOf(receiverId(at)),
      balance: '1',
    })),
  ];
  const whole = { ...genesis, accounts: [...genesis.accounts, ...more] };
  writeFileSync(path, JSON.stringify(whole));
  const network = networkFromGenesis(whole);
  return { folder, path, network, validators: whole.validators, inGenesis };
}

function init({ folder, validators, dataDirs }) {
  execFileSync(process.execPath, [
    main,
    '--init',
    folder,
    '--validators',
    String(validators),
    ...dataDirs,
  ]);
}

function signedBytes(network, account, { kind, nonce, body }) {
  const envelope = { kind, chain: network.chain, nonce, validUntil: 0, from: account.id, fee };
  return signTx(network, { ...envelope, body }, account.keys.secretKey).bytes;
}

/** `count` transfers of one account, as `packedTexts`; `toOf` gives the receiver of each. */
export function signTransfers(network, account, { count, toOf }) {
  return packedTexts(count, (nonce) =>
    signedBytes(network, account, {
      kind: 'transfer',
      nonce,
      body: { to: toOf(nonce), amount: 1n, memo: '' },
    }),
  );
}

/** `count` batch transactions of `operations` transfers each, as `packedTexts`. */
export function signBatches(network, account, { count, operations, toOf }) {
  return packedTexts(count, (nonce) => {
    const body = {
      operations: Array.from({ length: operations }, (_, at) => ({
        kind: 'transfer',
        body: { to: toOf(nonce * operations + at), amount: 1n, memo: '' },
      })),
    };
    return signedBytes(network, account, { kind: 'batch', nonce, body });
  });
}

/**
 * Requests of which only the signed bytes are kept, outside the heap and without gaps: a long load has
 * millions, and as texts they would take twice the memory. A text is made when it is asked for, by hand: quickly.
 */
function packedTexts(count, bytesOf) {
  const ends = new Float64Array(count);
  let packed = Buffer.alloc(0);
  let used = 0;
  for (let at = 0; at < count; at += 1) {
    const bytes = bytesOf(at);
    if (used + bytes.length > packed.length) {
      const larger = Buffer.alloc(used + bytes.length * Math.ceil(1 + (count - at) * 1.01));
      larger.set(packed);
      packed = larger;
    }
    packed.set(bytes, used);
    used += bytes.length;
    ends[at] = used;
  }
  return {
    length: count,
    at(index) {
      const tx = packed.toString('base64', ends[index - 1] ?? 0, ends[index]);
      return `{"jsonrpc":"2.0","id":${index},"method":"tx_send","params":{"tx":"${tx}"}}`;
    },
  };
}

/** Starts all validators of a genesis on fresh folders. `undo` gets the steps that stop them. */
export async function startNetwork({ genesis, folder, undo, profileFolder, nodeArgs = [] }) {
  const count = genesis.validators.length;
  const dataDirs = Array.from({ length: count }, (_, at) => join(folder, `node-${at + 1}`));
  init({ folder: join(folder, 'init'), validators: count, dataDirs });
  const meshPorts = await freePorts(count);
  const peerOf = (at) => `${genesis.validators[at].publicKey}@127.0.0.1:${meshPorts[at]}`;
  const nodes = await Promise.all(
    dataDirs.map((dataDir, at) => {
      const others = meshPorts.flatMap((_, other) => (other === at ? [] : [peerOf(other)]));
      const keyName = count === 1 ? 'validator.key' : `validator-${at + 1}.key`;
      const profile = at === 0 && profileFolder ? profileFolder : undefined;
      const keyFile = join(genesis.folder, keyName);
      const place = { genesis, dataDir, keyFile, meshPort: meshPorts[at], peers: others };
      return startNode({ ...place, profile, undo, nodeArgs });
    }),
  );
  const peers = meshPorts.map((_, at) => peerOf(at));
  const network = { nodes, dataDirs, peers, genesis, folder, nodeArgs };
  await agreeOnce(network);
  return network;
}

async function startNode({ genesis, dataDir, keyFile, meshPort, peers, profile, undo, nodeArgs }) {
  const profiling = profile ? ['--cpu-prof', `--cpu-prof-dir=${profile}`] : [];
  const settings = [
    ...['--data-dir', dataDir, '--genesis-file', genesis.path, '--key-file', keyFile],
    ...['--port', '0', '--mesh-port', String(meshPort), '--exit-with-parent'],
    ...(peers.length > 0 ? ['--peers', peers.join(',')] : []),
  ];
  const node = await startProgram({
    program: process.execPath,
    args: [...profiling, main, ...settings, ...nodeArgs],
    logFile: `${dataDir}.log`,
    readyOf: (line) => (line.includes('"msg":"ready"') ? JSON.parse(line).url : undefined),
  });
  undo.push(node.stop);
  return { ...node, url: node.value, dataDir };
}

/** A node without a vote and without a past. */
export async function startFollower(network, { undo }) {
  const { genesis, folder, peers, nodeArgs } = network;
  const [meshPort] = await freePorts(1);
  const own = join(folder, 'follower-init');
  init({ folder: own, validators: 1, dataDirs: [] });
  const dataDir = join(folder, 'follower');
  mkdirSync(dataDir);
  const keyFile = join(own, 'validator.key');
  return startNode({ genesis, dataDir, keyFile, meshPort, peers, undo, nodeArgs });
}

/** Waits until every node has a final block above genesis, so that connecting is in no figure. */
async function agreeOnce({ nodes }) {
  const deadlineMs = performance.now() + 90_000;
  for (const { url } of nodes) {
    const client = createRpcClient({ url, connections: 1 });
    while ((await client.call('chain_status')).height < 1) {
      if (performance.now() > deadlineMs) throw new Error(`${url} has no block yet`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    client.close();
  }
}

/**
 * Lanes of a load: accounts spread over connections, connections over nodes. Each node tells over one WebSocket
 * which of its accounts moved on.
 */
export async function openLanes({ nodes }, { signed, connections, undo }) {
  const news = createNews();
  const lanes = Array.from({ length: connections }, (_, at) => ({
    node: at % nodes.length,
    senders: [],
  }));
  for (const [at, { account, texts }] of signed.entries()) {
    lanes[at % connections].senders.push(createSender({ id: addressOf(account.id), texts }));
  }
  for (const lane of lanes)
    lane.client = createRpcClient({ url: nodes[lane.node].url, connections: 1 });
  undo.push(() => {
    for (const { client } of lanes) client.close();
  });
  for (const [at, { url }] of nodes.entries()) {
    const own = lanes.filter(({ node }) => node === at).flatMap(({ senders }) => senders);
    if (own.length > 0) await follow({ url, senders: own, news, undo });
  }
  return { lanes: lanes.filter(({ senders }) => senders.length > 0), news };
}

async function follow({ url, senders, news, undo }) {
  if (senders.length > topicsPerSocket) throw new Error('a connection has too many subscriptions');
  const byTopic = new Map(senders.map((sender) => [`account:${sender.id}`, sender]));
  const socket = await openSocket(url, ({ params }) => {
    const sender = byTopic.get(params?.topic);
    if (!sender) return;
    markFinal(sender, params.data.nonce - sender.base);
    news.ring();
  });
  undo.push(socket.close);
  for (const topic of byTopic.keys()) socket.ask('subscribe', { topic });
}

/**
 * Asserts that all nodes have the same block, and with it the same state root, at the largest height that all have
 * reached, and that each has every transaction of the senders. Returns what it saw.
 */
export async function assertSame({ nodes }, senders) {
  const clients = nodes.map(({ url }) => createRpcClient({ url, connections: 1 }));
  try {
    const expected = new Map(senders.map(({ id, base, sent }) => [id, base + sent]));
    for (const client of clients) await reachNonces(client, expected);
    const heads = await Promise.all(clients.map((client) => client.call('chain_status')));
    const height = Math.min(...heads.map((head) => head.height));
    const blocks = await Promise.all(
      clients.map((client) => client.call('chain_getBlock', { height })),
    );
    const roots = new Set(blocks.map(({ header }) => header.stateRoot));
    const hashes = new Set(blocks.map(({ hash }) => hash));
    if (roots.size > 1 || hashes.size > 1) throw new Error(`the nodes differ at height ${height}`);
    const checked = await Promise.all(nodes.map(({ url }) => checkedSignatures(url)));
    return { height, stateRoot: blocks[0].header.stateRoot, nodes: nodes.length, checked };
  } finally {
    for (const client of clients) client.close();
  }
}

async function reachNonces(client, expected) {
  const deadlineMs = performance.now() + 30_000;
  for (const [address, nonce] of expected) {
    while ((await client.call('state_getAccount', { address })).nonce !== nonce) {
      if (performance.now() > deadlineMs)
        throw new Error(`${client.url}: ${address} has another nonce than ${nonce}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

/** Signatures that a node says it has checked; undefined while nodes count none. */
async function checkedSignatures(url) {
  const text = await (await fetch(`${url}/metrics`)).text();
  const match = /^\S*signatures_checked_total\S* (\S+)$/m.exec(text);
  return match ? Number(match[1]) : undefined;
}
