/**
 * One run of level `market`: buyers and providers trade over a real ledger, under faults, while other people do what else
 * a ledger allows. After the calm each honest buyer has to get an answer in time and all that is open has to be
 * settled; then the books are compared and every coin goes back.
 */
import { type Outcome, type RunOptions, violationOf } from '../campaign/outcome.ts';
import { nextDeed } from '../commerce/commerce.ts';
import type { Scene } from '../commerce/scene.ts';
import { createDisk, type Disk } from '../engine/disk.ts';
import { createNetwork, type Network } from '../engine/network.ts';
import { createRandom, type Random } from '../engine/random.ts';
import { createWorld, type Event, type World } from '../engine/world.ts';
import { injectFaults } from '../faults/inject.ts';
import type { Plan } from '../faults/plan.ts';
import { marketBug } from '../planted/market-bugs.ts';
import type { Buyer } from './buyer/buyer.ts';
import { startBuyer } from './buyer/buyer.ts';
import { createMarketGround, type MarketGround, nodeEndpoint, type Party } from './ground.ts';
import { judgeBooks, judgeChain } from './judge.ts';
import { createLedger, type Ledger } from './ledger/ledger.ts';
import { deedTx, openingTxs, revocationTx } from './ledger/opening.ts';
import { type MarketMessage, tagOfMessage, textOfMessage } from './messages.ts';
import { type Provider, startProvider } from './provider/provider.ts';
import { changesOf, thiefRole } from './roles.ts';
import { type Conduct, conductOf } from './rules.ts';
import { createMarketWatch, type MarketWatch } from './watch.ts';

interface Run {
  readonly plan: Plan;
  readonly ground: MarketGround;
  readonly world: World<MarketMessage>;
  readonly network: Network;
  readonly random: Random;
  readonly ledger: Ledger;
  readonly watch: MarketWatch;
  readonly disks: readonly Disk<never>[];
  readonly conducts: readonly Conduct[];
  readonly buyers: Map<number, Buyer>;
  readonly providers: Map<number, Provider>;
  readonly keys: Map<number, number>;
  /** Parties that die with their next write, or their next claim. */
  readonly doomed: Map<number, Moment>;
  isCalm: boolean;
}

/** What a party does as it dies. */
type Moment = 'write' | 'claim';

const calmBlockUs = 400_000;
/** Longest that everything open takes to settle: a job that waits for a voucher, and the growing waits of questions. */
const settleUs = 400_000_000;
const probeTokens = 10;
const upgradeEvery = 4;

/** Runs a plan to its end or its first violation. */
export function runMarket(plan: Plan, options: RunOptions): Outcome {
  const run = createRun(plan, options);
  try {
    return outcomeOf(run, undefined, play(run));
  } catch (error) {
    return outcomeOf(run, violationOf(error), undefined);
  }
}

function createRun(plan: Plan, options: RunOptions): Run {
  const random = createRandom(plan.seed);
  const ground = createMarketGround(plan);
  const network = createNetwork<Event<MarketMessage>>(
    plan.nodes,
    plan.delays,
    random.fork('network'),
  );
  const world = createWorld<MarketMessage>({
    endpoints: plan.nodes,
    network,
    clocks: plan.clocks,
    tagOf: tagOfMessage,
    textOf: textOfMessage,
    ...(options.note && { note: options.note }),
  });
  const roles = new Map(plan.villains.map((villain) => [villain.node, villain.roles]));
  const isHonest = (endpoint: number): boolean => !roles.has(endpoint);
  const watch = createMarketWatch({ ground, isHonest, atMs: () => world.nowUs() / 1000 });
  const bug = marketBug(options.bug);
  const conducts = Array.from({ length: plan.nodes }, (_, at) =>
    conductOf([...(isHonest(at) && bug ? [bug] : []), ...changesOf(roles.get(at) ?? [])]),
  );
  const ledger = createLedger({
    ground,
    world,
    random: random.fork('ledger'),
    rules: (conducts[nodeEndpoint] as Conduct).rules,
    onBlock: watch.block,
  });
  const disks = conducts.map((_, at) => diskOf(plan, world, { random, at }));
  const [buyers, providers, keys] = [new Map(), new Map(), new Map()];
  const parts = { plan, ground, world, network, random, ledger, watch, disks, conducts };
  const run: Run = { ...parts, buyers, providers, keys, doomed: new Map(), isCalm: false };
  for (const [at, disk] of disks.entries()) {
    const { write } = disk;
    disk.write = (record) => {
      write(record);
      dieNow(run, at, 'write');
    };
  }
  return run;
}

function diskOf(
  { syncMinMs, syncMaxMs }: Plan,
  world: World<MarketMessage>,
  { random, at }: { readonly random: Random; readonly at: number },
): Disk<never> {
  return createDisk<never>({
    random: random.fork(`disk ${at}`),
    syncMinMs,
    syncMaxMs,
    after: (delayMs, run) => world.after(at, delayMs, run),
  });
}

function play(run: Run): number {
  const { plan, world, network, ground } = run;
  raiseNode(run);
  run.ledger.makeBlock(run.ledger.nowMs(), openingTxs(ground));
  makeBlocks(run);
  for (const party of ground.parties) raise(run, party);
  const moments = run.random.fork('moments');
  const victims = {
    crash: (node: number) => doom(run, node, moments),
    restart: (node: number) => restart(run, node),
    loseJournal() {},
    tearJournal() {},
    slowDisk: (node: number, factor: number) => run.disks[node]?.slow(factor),
  };
  injectFaults({ plan, world, network, endpointsOf: (node) => [node], victims });
  startCommerce(run);
  world.at(plan.calmUs / 2, () => revoke(run));
  world.run(plan.calmUs);
  run.isCalm = true;
  const recovery = recover(run);
  settleAll(run);
  judgeBooks(run);
  judgeChain(run, plan.seed % upgradeEvery === 0);
  return recovery;
}

function raiseNode({ world, ledger }: Run): void {
  world.bear(nodeEndpoint, {
    receive(from, message) {
      if (message.type === 'tx') ledger.submit(message.tx);
      else if (message.type === 'ask') ledger.answer(from, message.askedMs);
    },
  });
}

function makeBlocks(run: Run): void {
  const { world, plan, ledger } = run;
  const chance = run.random.fork('blocks');
  const next = (): void => {
    const hops = chance.between(2, 12);
    const waitUs = run.isCalm ? calmBlockUs : plan.delays.boundUs * hops;
    world.at(world.nowUs() + waitUs, () => {
      if (world.isUp(nodeEndpoint)) ledger.makeBlock(ledger.nowMs());
      next();
    });
  };
  next();
}

function startCommerce(run: Run): void {
  const { world, ground, ledger, plan } = run;
  const random = run.random.fork('commerce');
  const scene: Scene = {
    network: ground.network,
    people: ground.people,
    validators: ground.validators,
    random,
    view: ledger.view,
    now: ledger.head,
    liar: ground.people[0]?.id,
  };
  const next = (): void => {
    if (run.isCalm) return;
    const deed = nextDeed(scene);
    if (deed && world.isUp(nodeEndpoint)) {
      const tx = deedTx(ground, ledger, { deed, random });
      for (let copies = random.chance(0.1) ? 2 : 1; copies > 0; copies -= 1) ledger.submit(tx);
    }
    world.at(world.nowUs() + random.below(plan.delays.boundUs * 4), next);
  };
  next();
}

/** The owner of a stolen sub-key has noticed. */
function revoke({ plan, ground, ledger, watch }: Run): void {
  for (const { node, roles } of plan.villains) {
    const party = ground.parties.find(({ endpoint }) => endpoint === node);
    if (!party || !roles.includes(thiefRole)) continue;
    ledger.submit(revocationTx(ground, ledger, party));
    watch.saw('revocations');
  }
}

function raise(run: Run, party: Party): void {
  const { plan, ground, world, watch, conducts, disks } = run;
  const { endpoint } = party;
  const hopMs = plan.delays.boundUs / 1000;
  const conduct = conducts[endpoint] as Conduct;
  const lives = run.keys.get(endpoint) ?? 0;
  const random = run.random.fork(`party ${endpoint} ${lives}`);
  const common = { world, ground, party, conduct, random, watch, disk: disks[endpoint] as never };
  const offer = ground.offers.get(endpoint);
  const nextKey = (): string => {
    const count = (run.keys.get(endpoint) ?? 0) + 1;
    run.keys.set(endpoint, count);
    return `${endpoint}-${count}`;
  };
  nextKey();
  // First the new life, then what asks for its timers.
  const actor = (): Provider | Buyer | undefined =>
    offer ? run.providers.get(endpoint) : run.buyers.get(endpoint);
  world.bear(endpoint, { receive: (from, message) => actor()?.receive(from, message) });
  if (offer) {
    const claimEveryMs = Math.max(500, hopMs * 100);
    const onMoment = (): void => dieNow(run, endpoint, 'claim');
    const tokenMs = hopMs * 2;
    const provider = startProvider({ ...common, offer, tokenMs, claimEveryMs, onMoment });
    run.providers.set(endpoint, provider);
  } else {
    const buyer = startBuyer({ ...common, hopMs, nextKey });
    run.buyers.set(endpoint, buyer);
  }
}

/** A crash at any time, or with the next write or claim: between what leaves and what is synced. */
function doom(run: Run, node: number, moments: Random): void {
  if (node === nodeEndpoint || moments.chance(0.5)) strike(run, node);
  else run.doomed.set(node, moments.chance(0.5) ? 'write' : 'claim');
}

function dieNow(run: Run, node: number, moment: Moment): void {
  if (run.doomed.get(node) !== moment) return;
  run.doomed.delete(node);
  run.world.at(run.world.nowUs(), () => strike(run, node));
}

function strike(run: Run, node: number): void {
  run.world.kill(node);
  if (node === nodeEndpoint) {
    run.ledger.restart();
    return;
  }
  run.disks[node]?.crash();
}

function restart(run: Run, node: number): void {
  if (node === nodeEndpoint) {
    raiseNode(run);
    return;
  }
  if (run.doomed.delete(node)) return; // nothing was written: it has lived on
  const party = run.ground.parties.find(({ endpoint }) => endpoint === node);
  if (party) raise(run, party);
}

/** Each honest buyer gets an answer; the time it took, in tenths of what is allowed. */
function recover(run: Run): number {
  const { world, watch, plan, ground } = run;
  const hasSeller = [...ground.offers.keys()].some(watch.isHonest);
  const waiting = new Set([...run.buyers.keys()].filter(watch.isHonest));
  const limitUs = 120_000_000 + plan.delays.boundUs * 2_000;
  const probe = (endpoint: number): void => {
    const onDone = (isWhole: boolean): void => {
      if (isWhole) waiting.delete(endpoint);
      else world.at(world.nowUs() + plan.delays.boundUs * 20, () => probe(endpoint));
    };
    run.buyers.get(endpoint)?.buy({ most: probeTokens, onDone });
  };
  for (const endpoint of waiting) probe(endpoint);
  for (const buyer of run.buyers.values()) buyer.rest();
  world.run(plan.calmUs + limitUs, () => waiting.size === 0);
  watch.counts.liveness += 1;
  const [late] = waiting;
  if (late !== undefined && hasSeller) watch.fail('liveness', { node: late, what: 'no answer' });
  return ((world.nowUs() - plan.calmUs) / limitUs) * 10;
}

/** All calls at honest providers are settled, and what is due is claimed. */
function settleAll(run: Run): void {
  const { world, watch, ground, providers } = run;
  const openCall = () => {
    for (const [at, { book }] of run.buyers) {
      if (!watch.isHonest(at)) continue;
      const call = book.openCalls().find(({ provider }) => {
        const other = [...ground.offers].find(
          ([, { signed }]) => signed.payload.provider === provider,
        );
        return other && watch.isHonest(other[0]);
      });
      if (call) return { node: at, jobId: call.jobId, status: call.status };
    }
    return undefined;
  };
  world.run(world.nowUs() + settleUs, () => openCall() === undefined);
  const open = openCall();
  watch.counts.liveness += 1;
  if (open) watch.fail('liveness', { ...open, what: 'a call keeps its reservation' });
  for (let round = 0; round < 3; round += 1) {
    world.run(world.nowUs() + calmBlockUs * 3);
    for (const provider of providers.values()) provider.claimAll();
    world.run(world.nowUs() + calmBlockUs * 4);
  }
}

function outcomeOf(
  run: Run,
  violation: Outcome['violation'],
  recoveryDeltas: number | undefined,
): Outcome {
  const { world, watch, network, ledger, disks } = run;
  const syncs = disks.reduce((sum, { counts }) => sum + counts.syncs, 0);
  const { height } = ledger.head();
  const kinds: Record<string, number> = {};
  for (const { txs } of watch.blocks) {
    for (const { kind } of txs) kinds[kind] = (kinds[kind] ?? 0) + 1;
  }
  return {
    violation,
    hash: world.hash(),
    events: world.counts.events,
    views: height,
    finalBlocks: height,
    recoveryDeltas,
    checks: watch.counts,
    evidence: kinds,
    happened: { ...network.counts, syncs, ...ledger.counts, ...watch.seen },
  };
}
