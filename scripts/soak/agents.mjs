/** Agents of the soak: transfers, letters, and tasks that one gives and the other does. */

import { hex, keyPairFromSeed, randomBytes } from '@aitbc/primitives';
import { accountIdOf, unwrap } from '@aitbc/protocol';
import { Agent, createLocalSigner, createTxSender } from '@aitbc/sdk';
import { after } from '../bench/lib/processes.mjs';
import { createCount, keepDoing } from './pace.mjs';

const ait = 1_000_000_000n;
const skill = 'soak';
const fundMs = 30_000;

/** Makes accounts with coins of the faucet and starts their work; `undo` gets the steps that end it. */
export async function startAgents({ devnet, signal, scale, undo }) {
  const { node } = devnet.clients;
  const { network } = await node.network();
  const people = [];
  for (let left = 4; left > 0; left -= 1) people.push(await createPerson({ node, network }));
  const [payer, payee, planner, worker] = people;
  const counts = {
    transfers: createCount('transfers'),
    letters: createCount('letters answered'),
    tasks: createCount('tasks done and paid'),
  };
  const plan = (count, perSecond, parallel) => ({
    count,
    everyMs: 1_000 / (perSecond * scale),
    parallel,
    signal,
  });
  const [asker, doer] = [planner, worker].map((person) => agentOf(devnet, person));
  undo.push(() => Promise.all([asker.close(), doer.close()]));
  doer.on('message', (message) => message.reply({ text: 'heard' }));
  const answered = answersOf(asker);
  await doer.serve(skill, ({ spec }) => `done: ${spec.title}`);
  const running = [
    keepDoing(() => pay(payer, payee), plan(counts.transfers, 2, 2)),
    keepDoing(() => pay(payee, payer), plan(counts.transfers, 2, 2)),
    keepDoing(() => write(asker, doer, answered), plan(counts.letters, 1, 4)),
    keepDoing((turn) => hire(asker, doer, turn), plan(counts.tasks, 0.1, 2)),
  ];
  return { counts, running };
}

async function createPerson({ node, network }) {
  const keys = keyPairFromSeed(randomBytes(32));
  const signer = createLocalSigner(network, keys.secretKey);
  const { address } = signer;
  await node.rpc.dev_faucet({ address });
  const endMs = performance.now() + fundMs;
  for (;;) {
    const { balance } = await node.rpc.state_getAccount({ address });
    if (BigInt(balance) > 0n) break;
    if (performance.now() > endMs) throw new Error('the faucet has not paid');
    await after(50);
  }
  return { keys, id: hex(keys.publicKey), address, sender: createTxSender({ node, signer }) };
}

function agentOf(devnet, { keys }) {
  return new Agent({
    keys,
    budget: { totalNait: 500n * ait },
    coordinator: devnet.daemon('coordinator').url,
    node: devnet.daemon('node').url,
    allowPrivate: true,
  });
}

async function pay({ sender }, { id }) {
  const { receipt, status } = await sender.send('transfer', { to: id, amount: 1_000n, memo: '' });
  if (!receipt) throw new Error(`a transfer is ${status}`);
}

/** Waiters by the letter that is answered. */
function answersOf(agent) {
  const waiting = new Map();
  agent.on('message', ({ replyTo }) => {
    waiting.get(replyTo)?.();
    waiting.delete(replyTo);
  });
  return {
    of: (id, timeoutMs) =>
      new Promise((resolve, reject) => {
        const timer = setTimeout(() => {
          waiting.delete(id);
          reject(new Error('a letter has no answer'));
        }, timeoutMs);
        waiting.set(id, () => {
          clearTimeout(timer);
          resolve();
        });
      }),
  };
}

async function write(asker, doer, answered) {
  const { id } = await asker.send(doer.address, { text: 'hello' });
  await answered.of(id, fundMs);
}

async function hire(asker, doer, turn) {
  const spec = { title: `soak ${turn}`, skill, text: 'do it' };
  const { outcome } = await asker.hire({
    ...{ spec, rewardNait: ait / 1_000n, worker: doer.address },
    ...{ withinMs: 120_000, reviewMs: 120_000 },
  });
  if (outcome !== 'approved') throw new Error(`a task is ${outcome}`);
  unwrap(accountIdOf(doer.address));
}
