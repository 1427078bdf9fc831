#!/usr/bin/env node
/**
 * Three agents that plan, buy inference, hire each other and settle, unattended, within a mandate.
 *
 *   aitbc up                                      in one terminal
 *   node experiments/three-agents/main.mjs        in another
 *
 * Addresses come from the devnet of this home (`--home <folder>`, default ~/.aitbc) or from `--node` and `--coordinator`. Keys and
 * what the agents remember go to `--agents <folder>`. With `--json` one object is printed at the end.
 */
import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { accountIdOf, unwrap } from '@aitbc/protocol';
import { Agent, createCoordinatorClient, createNodeClient } from '@aitbc/sdk';
import { createFileStore, keysIn } from './file-store.mjs';
import { closeBooks, ledgerText, openBooks } from './ledger.mjs';
import { runPlanner, startWorker } from './roles.mjs';
import { ait, mandate, setUp } from './setup.mjs';

const { values } = parseArgs({
  options: {
    goal: { type: 'string', default: 'explain to a child how a chain of blocks works' },
    home: { type: 'string', default: join(homedir(), '.aitbc') },
    agents: { type: 'string' },
    node: { type: 'string' },
    coordinator: { type: 'string' },
    json: { type: 'boolean', default: false },
  },
});

const home = resolve(values.home);
const tell = (text) => values.json || console.log(text);

/** Addresses of the daemons. */
function urls() {
  if (values.node && values.coordinator) return values;
  const devnet = JSON.parse(readFileSync(join(home, 'devnet.json'), 'utf8')).urls;
  return { node: values.node ?? devnet.node, coordinator: values.coordinator ?? devnet.coordinator };
}

/** An agent with its key and store in a folder of its own. */
function makeRole(name, { node, coordinator, model, totalNait, owner }) {
  const folder = join(values.agents ?? join(home, 'three-agents'), name);
  const keys = keysIn(folder);
  const store = createFileStore(folder);
  const options = { keys, store, node, coordinator, allowPrivate: true };
  const budget = { totalNait, callNait: totalNait / 10n, channelNait: totalNait / 10n };
  const agent = new Agent({ ...options, budget, ...(owner && { mandate: { owner } }) });
  return { name, agent, keys, bills: [], model };
}

async function run() {
  const { node: nodeUrl, coordinator: coordinatorUrl } = urls();
  const node = createNodeClient({ url: nodeUrl });
  const { data } = await createCoordinatorClient({ baseUrl: coordinatorUrl }).models({});
  const model = data[0]?.id;
  if (!model) throw new Error('no model is on offer');
  const base = { node: nodeUrl, coordinator: coordinatorUrl, model };

  const researcher = makeRole('researcher', { ...base, totalNait: ait });
  const writer = makeRole('writer', { ...base, totalNait: ait });
  const plannerKeys = keysIn(join(values.agents ?? join(home, 'three-agents'), 'planner'));
  const plannerAddress = new Agent({ ...base, keys: plannerKeys, budget: { totalNait: 0n } }).address;
  const workers = [researcher.agent.address, writer.agent.address];
  const owner = await setUp(node, { planner: idOf(plannerAddress), workers: workers.map(idOf) });
  const planner = makeRole('planner', { ...base, totalNait: mandate.totalMaxNait, owner });
  tell(`owner ${owner} lets the planner ${planner.agent.address} spend ${mandate.totalMaxNait} nait`);

  const roles = [planner, researcher, writer];
  const parties = [
    { name: 'owner', address: owner },
    ...roles.map(({ name, agent }) => ({ name, address: agent.address })),
  ];
  const books = await openBooks(node, parties);
  await startWorker(researcher, {
    skill: 'research',
    priceNait: ait / 10n,
    promptOf: (text) => `Collect facts. ${text}`,
  });
  await startWorker(writer, {
    skill: 'writing',
    priceNait: ait / 5n,
    promptOf: (text) => `Write a short text. ${text}`,
  });
  const parts = { goal: values.goal, researcher: workers[0], writer: workers[1], tell };
  const made = await runPlanner(planner, parts);

  const spending = {};
  for (const { name, agent } of roles) spending[name] = await agent.spending();
  await Promise.all(roles.map(({ agent }) => agent.close()));
  const bills = roles.flatMap(({ name, bills: own }) =>
    own.map((bill) => ({ ...bill, payer: name === 'planner' ? 'owner' : name })),
  );
  const ledger = await closeBooks(node, { parties, books, bills });
  await node.close();
  return { ledger, made, spending, mandate };
}

const idOf = (address) => unwrap(accountIdOf(address));

const plain = (_key, value) => (typeof value === 'bigint' ? value.toString() : value);
const result = await run();
if (values.json) console.log(JSON.stringify(result, plain));
else console.log(`\n${result.made.article.text ?? ''}\n\n${ledgerText(result.ledger)}`);
process.exitCode = result.ledger.isBalanced ? 0 : 1;
