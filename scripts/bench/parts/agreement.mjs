/**
 * How many steps of agreement a core-second carries: n validators in one process, every message delivered in order,
 * signatures that cost nothing. Needs a build.
 *
 *   node scripts/bench/parts/agreement.mjs [--steps 1500000]
 */
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { ROOT } from '../../run-command.mjs';

const WARM_UP_STEPS = 300_000;
const DRAINED = 100_000;
const KINDS = { notarize: 1, nullify: 2, finalize: 3 };

const { values } = parseArgs({ options: { steps: { type: 'string', default: '1500000' } } });
const load = (name) => import(pathToFileURL(join(ROOT, 'packages/consensus/dist', name)).href);
const { createAgreement } = await load('index.js');
const { stubOptions } = await load('testing/member.js');
const { stubValidators } = await load('testing/stub-scheme.js');

for (const size of [4, 7, 13]) measure(size, Number(values.steps));

function measure(size, steps) {
  const network = createNetwork(size);
  network.run(WARM_UP_STEPS);
  const before = network.height();
  const from = process.cpuUsage();
  network.run(steps);
  const used = process.cpuUsage(from);
  const cpuSeconds = (used.user + used.system) / 1e6;
  const rate = (steps / cpuSeconds / 1e6).toFixed(2);
  const blocks = Math.round((network.height() - before) / cpuSeconds);
  console.log(`n=${size}: ${rate} M steps and ${blocks} final blocks per core-second`);
}

function createNetwork(size) {
  const validators = stubValidators(size);
  const nodes = validators.map((_, self) => {
    const scheme = freeScheme(self);
    const core = createAgreement(stubOptions(size, self, { scheme, lastHeight: 1e9 }));
    return { core, state: core.initial };
  });
  const blocks = new Map();
  let queue = nodes.map((_, to) => ({ to, input: { type: 'start' } }));
  let head = 0;
  const broadcast = (from, input) => {
    for (let to = 0; to < size; to += 1) if (to !== from) queue.push({ to, input });
  };
  const perform = {
    sendVotes: (from, { votes }) => {
      for (const vote of votes) broadcast(from, { type: 'vote', vote });
    },
    sendCertificates: (from, { certificates }) => {
      for (const certificate of certificates) broadcast(from, { type: 'certificate', certificate });
    },
    sendProposal: (from, { hash, vote }) => {
      broadcast(from, { type: 'block', block: blocks.get(hash), valid: true });
      broadcast(from, { type: 'vote', vote });
    },
    propose: (from, { view, parent }) => {
      const hash = view.toString(16).padStart(64, '0');
      const proposer = validators[from].publicKey;
      const block = { hash, parent: parent.hash, height: parent.height + 1, view, proposer };
      blocks.set(hash, block);
      queue.push({ to: from, input: { type: 'block', block, valid: true } });
    },
  };
  const run = (steps) => {
    for (let step = 0; step < steps; step += 1) {
      const { to, input } = queue[head];
      head += 1;
      const node = nodes[to];
      const next = node.core.step(node.state, input, step >> 10);
      node.state = next.state;
      for (const effect of next.effects) perform[effect.type]?.(to, effect);
      if (head < DRAINED) continue;
      queue = queue.slice(head);
      head = 0;
    }
  };
  return { run, height: () => nodes[0].state.final.height };
}

function freeScheme(self) {
  const signature = (validator) => `signed by ${validator}`;
  const signatures = Array.from({ length: 16 }, (_, validator) => signature(validator));
  const isSigned = (vote) => vote.signature === signatures[vote.validator];
  return {
    sign: ({ kind, epoch, view, blockHash }) => {
      return { kind, epoch, view, blockHash, validator: self, signature: signatures[self] };
    },
    verifyVote: isSigned,
    assemble: ({ kind, epoch, view, blockHash }, tally) => {
      const votes = Array.from(tally, ([validator, signed]) => ({ validator, signature: signed }));
      return { kind: KINDS[kind], epoch, view, blockHash, votes };
    },
    verifyCertificate: ({ votes }) => votes.every(isSigned),
  };
}
