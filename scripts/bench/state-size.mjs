/**
 * Transfers per second and their cost against the size of the state: real node processes; receivers are drawn from
 * all accounts, so that reads, writes and the tree are spread over the whole state. Accounts that a genesis
 * document cannot hold (it takes 100 000) are made first, by batch transactions on the running chain, outside
 * the measured time.
 *
 *   node scripts/bench/state-size.mjs [--sizes 1000,10000,100000,1000000] [--validators 1] [--seconds 20]
 *     [--rounds 3] [--out docs/bench]
 */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import {
  accountOfNumber,
  assertSame,
  createGenesis,
  openLanes,
  receiverId,
  signBatches,
  signTransfers,
  startNetwork,
} from './lib/brother-chain.mjs';
import { showCurve } from './lib/curve.mjs';
import { runLoad } from './lib/load.mjs';
import { machineText } from './lib/machine.mjs';
import { fullPass, memoryOf } from './lib/passes.mjs';
import { withCleanup } from './lib/processes.mjs';

const rateMax = 5_000;
const senderCount = 96;
const funderCount = 16;
const operations = 256;
const fundSecondsMax = 600;
const defaults = {
  ...{ sizes: '1000,10000,100000,1000000', validators: '1' },
  ...{ seconds: '20', rounds: '3', out: '' },
};
const options = Object.entries(defaults).map(([name, value]) => [
  name,
  { type: 'string', default: value },
]);
const { values } = parseArgs({ options: Object.fromEntries(options) });
const seconds = Number(values.seconds);
const warmUpSeconds = Math.max(3, seconds / 3);
const validators = Number(values.validators);
const senders = Array.from({ length: senderCount }, (_, at) => accountOfNumber(at));
const funders = Array.from({ length: funderCount }, (_, at) => accountOfNumber(senderCount + at));

/** Small deterministic generator (xorshift32): the same receivers in every run. */
function createPicker(seed) {
  let state = seed;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

function prepare(size, folder) {
  const accounts = [...senders, ...funders];
  const receivers = size - accounts.length - 1; // the faucet is an account too
  mkdirSync(folder, { recursive: true });
  const genesis = createGenesis({ folder: join(folder, 'chain'), validators, accounts, receivers });
  const pick = createPicker(size);
  const count = Math.ceil((rateMax * (seconds + warmUpSeconds)) / senderCount);
  const toOf = () => receiverId(pick(receivers));
  const { network, inGenesis } = genesis;
  const signed = senders.map((account) => ({
    account,
    texts: signTransfers(network, account, { count, toOf }),
  }));
  const missing = receivers - inGenesis;
  const batches = Math.ceil(missing / operations / funderCount);
  const fundings = funders.map((account, at) => {
    // the last batches go round to the first receivers: a batch of one size is simpler than a rest
    const to = (step) => receiverId(((at * batches * operations + step) % missing) + inGenesis);
    return {
      account,
      texts: signBatches(network, account, { count: batches, operations, toOf: to }),
    };
  });
  return { genesis, signed, fundings: missing > 0 ? fundings : [] };
}

function roundOf({ genesis, signed, fundings }, folder) {
  return withCleanup(async (undo) => {
    mkdirSync(folder, { recursive: true });
    const started = await startNetwork({ genesis, folder, undo });
    if (fundings.length > 0) {
      const open = await openLanes(started, { signed: fundings, connections: funderCount, undo });
      const shape = { seconds: fundSecondsMax, batch: 4, window: 8, operations };
      const { perSecond } = await runLoad({ ...open, ...shape });
      console.log(
        `  the rest of the accounts made by batches, ${Math.round(perSecond)} operations/s`,
      );
    }
    const pids = started.nodes.map(({ pid }) => pid);
    const open = await openLanes(started, { signed, connections: 16, undo });
    await runLoad({ ...open, seconds: warmUpSeconds, batch: 25, window: 48 });
    const full = await fullPass({ ...open, pids, plan: { seconds, batch: 25, window: 48 } });
    await assertSame(
      started,
      open.lanes.flatMap((lane) => lane.senders),
    );
    return { full, end: memoryOf(pids) };
  });
}

await withCleanup(async (undo) => {
  const folder = mkdtempSync(join(tmpdir(), 'aitbc-state-'));
  undo.push(() => rmSync(folder, { recursive: true, force: true }));
  console.log(machineText());
  const points = [];
  for (const size of values.sizes.split(',').map(Number)) {
    const prepared = prepare(size, join(folder, `of-${size}`));
    const point = { x: size, rounds: [] };
    for (let round = 1; round <= Number(values.rounds); round += 1) {
      const place = join(folder, `run-${size}-${round}`);
      point.rounds.push(await roundOf(prepared, place));
      rmSync(place, { recursive: true, force: true });
      console.log(
        `${size} accounts: ${Math.round(point.rounds.at(-1).full.perSecond)} transfers/s`,
      );
    }
    points.push(point);
  }
  const title = `Brother Chain: size of the state, ${validators} validator${validators > 1 ? 's' : ''}`;
  const note = machineText();
  showCurve({ name: 'state-size', title, xLabel: 'accounts', points, out: values.out, note });
});
