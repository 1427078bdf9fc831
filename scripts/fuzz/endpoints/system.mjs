/** The network under fuzz: real processes, one of each daemon (two nodes), each with the collector of the soak inside. */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bringUp } from '@aitbc/cli/devnet';
import { after, startProgram } from '../../bench/lib/processes.mjs';

const here = (name) => fileURLToPath(new URL(name, import.meta.url));
const readyMs = 60_000;
const settings = {
  AITBC_GATEWAY_DAY_MAX: `${10n ** 15n}`,
  AITBC_PROVIDER_SLOTS: '256',
  AITBC_COORDINATOR_POSTS_PER_MINUTE: '1000000000', // the limit has tests of its own
};

/** Starts it; `undo` gets the steps that end it. */
export async function startSystem(undo) {
  const folder = mkdtempSync(join(tmpdir(), 'aitbc-fuzz-'));
  undo.push(() => rmSync(folder, { recursive: true, force: true }));
  const engine = await startProgram({
    program: process.execPath,
    args: [here('engine.mjs')],
    cwd: folder,
    logFile: join(folder, 'engine.log'),
    readyOf: (line) => (line.startsWith('{"url"') ? JSON.parse(line).url : undefined),
  });
  undo.push(engine.stop);
  const heapFolder = join(folder, 'heap');
  mkdirSync(heapFolder);
  const before = { ...process.env };
  Object.assign(process.env, settings, {
    AITBC_PROVIDER_OPENAI_URL: engine.value,
    AITBC_SOAK_HEAP: heapFolder,
    NODE_OPTIONS: `--import ${here('../../soak/heap.mjs')}`,
  });
  const devnet = await bringUp({
    ...{ home: join(folder, 'devnet'), freePorts: true, engine: 'openai' },
    ...{ validators: 2, providers: 1, signal: new AbortController().signal, tell() {} },
  });
  process.env = before;
  undo.push(() => devnet.stop());
  const real = await realNames(devnet);
  return {
    devnet,
    heapFolder,
    real,
    watch: createWatch(devnet, heapFolder),
    urls: Object.fromEntries(devnet.names.map((name) => [name, devnet.daemon(name).url])),
    meshPort: meshPortOf(devnet),
    tokens: tokensOf(devnet),
  };
}

/** Names that mean something on this network, by the name of the field that holds them. */
async function realNames(devnet) {
  const { node, coordinator, provider, gateway } = devnet.clients;
  const endMs = performance.now() + readyMs;
  for (;;) {
    const { offers } = await coordinator.listOffers({});
    if (offers.length > 0) break;
    if (performance.now() > endMs) throw new Error('no offer came in time');
    await after(50);
  }
  const model = 'fuzz-model';
  const answer = await fetch(`${devnet.daemon('gateway').url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ model, messages: [{ role: 'user', content: 'hi' }], max_tokens: 4 }),
  });
  if (answer.status !== 200) throw new Error(`the first answer: ${await answer.text()}`);
  const { offers } = await coordinator.listOffers({});
  const { channels, calls } = await gateway.spend({ limit: 1 });
  const { provider: seller } = await provider.status({});
  const { hash } = await node.rpc.chain_getBlock({ height: 1 });
  const address = [devnet.account, seller];
  return {
    ...{ model: [model], address, account: address, payer: [devnet.account], provider: [seller] },
    ...{ to: address, receiver: [seller], owner: address, sender: address, hash: [hash] },
    ...{ offerId: offers.map((one) => one.offerId), jobId: [calls[0]?.jobId ?? hash] },
    ...{ channelId: channels.map((one) => one.channelId), txId: [hash], id: [model, hash] },
    ...{ topic: ['finalBlocks', `account:${devnet.account}`, 'mandates', 'offers/tiny'] },
    ...{ network: [(await node.rpc.chain_status({})).caip2] },
  };
}

function tokensOf(devnet) {
  const read = (name) => {
    const file = join(devnet.home, name, 'admin.token');
    return existsSync(file) ? readFileSync(file, 'utf8').trim() : '';
  };
  return Object.fromEntries(
    ['wallet', 'provider', 'gateway', 'coordinator'].map((name) => [name, read(name)]),
  );
}

/** Where the first node listens for others: its arguments say so. */
function meshPortOf(devnet) {
  const words = readFileSync(`/proc/${devnet.daemon('node').pid}/cmdline`, 'utf8').split('\0');
  return Number(words[words.indexOf('--mesh-port') + 1]);
}

/** What must hold of every process all the time. */
function createWatch(devnet, heapFolder) {
  const read = new Map(devnet.names.map((name) => [name, 0]));
  let ended;
  void devnet.failure.then((error) => {
    ended = error.message;
  });
  return {
    ended: () => ended,
    /** New lines of the logs that no refusal writes. */
    complaints: () =>
      devnet.names.flatMap((name) => {
        const file = join(devnet.home, 'logs', `${name}.log`);
        const text = readFileSync(file).subarray(read.get(name)).toString('utf8');
        read.set(name, statSync(file).size);
        const lines = text.split('\n').filter(isComplaint);
        return lines.map((line) => `${name}: ${line.slice(0, 2_000)}`);
      }),
    /** Heap after the newest collection, MB, by daemon. */
    heaps: () =>
      Object.fromEntries(
        devnet.names.map((name) => [
          name,
          heapOf(join(heapFolder, `${devnet.daemon(name).pid}.jsonl`)),
        ]),
      ),
  };
}

const isComplaint = (line) =>
  /"level":"(error|fatal)"/.test(line) || /unhandled|uncaught/i.test(line);

function heapOf(file) {
  if (!existsSync(file) || statSync(file).size === 0) return Number.NaN;
  const { heapUsed, external } = JSON.parse(
    readFileSync(file, 'utf8').trimEnd().split('\n').at(-1),
  );
  return (heapUsed + external) / 1e6;
}
