/**
 * What an audit does to a cheat, and what it does not do to anybody else: real models, a real chain, a real market.
 *
 * Two rosters. The large model is sold by nine honest providers and by two that run something else under its name (a
 * smaller model, the same one in four bits): just enough for an accuser, three jurors, and five others for the appeal.
 * The small one is sold by three honest providers, by one that is on the roster and never votes, and by a cheat; its
 * accuser leaves just three jurors, so the silent one sits. All stories run at once; at the end everybody's coins are counted.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chosenOf, disguised, smallModelPath } from '@aitbc/cli/net';
import { canonicalJson, hex, type JsonValue, keyPairFromSeed, utf8 } from '@aitbc/primitives';
import {
  type AuditState,
  accountIdOf,
  auditDigestOf,
  type auditEndpoints,
  auditIdOf,
  type ChainAuditJson,
  type Hex,
  type OutputOf,
  unwrap,
} from '@aitbc/protocol';
import {
  bundledModelPath,
  type ChosenEngine,
  createEmbeddedEngine,
  type EmbeddedEngine,
} from '@aitbc/provider/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fourBitModel } from './audits/engines.ts';
import { bondNait, openTown, type Town, type TownProvider } from './audits/town.ts';
import { until } from './harness.ts';

type Audit = OutputOf<typeof auditEndpoints.listAudits>['audits'][number];

/** Long enough for the replays of all jurors on a busy machine, short enough for a test. */
const voteMs = 10_000;
/** Engines that the nine sellers of the large model share: each replays one answer at a time. */
const largeEngines = 3;
const waitMs = 60_000;
const slashedNait = (bondNait * 2_000n) / 10_000n;
const depositNait = 1_000_000_000n;
const feesNaitMax = 1_000_000n;
const tokens = 64;
const prompt = 'How does a virtual table use the xColumn method?';

const folder = mkdtempSync(join(tmpdir(), 'aitbc-models-'));
let town: Town;
const engines: EmbeddedEngine[] = [];
let large: ChosenEngine;
let small: ChosenEngine;
const honest: TownProvider[] = [];
let cheat: TownProvider;
let thrifty: TownProvider;
let smallCheat: TownProvider;
let silent: TownProvider;

async function engineOf(modelPath: string): Promise<ChosenEngine> {
  const engine = createEmbeddedEngine({ modelPath });
  engines.push(engine);
  await engine.start();
  return chosenOf(engine);
}

const modelOf = ({ probe }: ChosenEngine) => {
  const [model] = probe.models;
  if (!model) throw new Error('an engine has no model');
  return model;
};
const rosterOf = (engine: ChosenEngine) => auditDigestOf(modelOf(engine).digest ?? '');
const jurorsOn = async (engine: ChosenEngine) =>
  (await town.node.rpc.audit_jurors({ digest: rosterOf(engine) })).jurors;

beforeAll(async () => {
  const shared = await Promise.all(
    Array.from({ length: largeEngines }, () => engineOf(bundledModelPath())),
  );
  large = shared[0] as ChosenEngine;
  small = await engineOf(smallModelPath());
  const fourBit = await engineOf(await fourBitModel(bundledModelPath(), folder));
  town = await openTown(16, { auditVoteMs: voteMs, auditDepositMin: `${depositNait}` });
  const add = (engine: ChosenEngine, audits: 'on' | 'off' = 'on') =>
    town.addProvider({ engine, audits });
  const nine = Array.from({ length: 9 }, (_, at) => add(shared[at % largeEngines] ?? large));
  const three = Array.from({ length: 3 }, () => add(small));
  honest.push(...(await Promise.all(nine)));
  await Promise.all(three);
  silent = await add(small, 'off');
  await silent.sender.send('auditor_enroll', { digest: rosterOf(small) });
  cheat = await add(disguised(small, modelOf(large)));
  thrifty = await add(disguised(fourBit, modelOf(large)));
  smallCheat = await add(disguised(large, modelOf(small)));
  await until('all jurors are enrolled', async () => {
    return (await jurorsOn(large)).length === 9 && (await jurorsOn(small)).length === 4;
  });
}, 60_000);

afterAll(async () => {
  await town?.stop();
  for (const engine of engines) await engine.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** Buys one answer of the verifiable class; gives its job and the last receipt. */
async function buyFrom(provider: TownProvider, engine: ChosenEngine) {
  const { url, client } = await town.gatewayTo(provider);
  const body = JSON.stringify({
    ...{ model: modelOf(engine).name, max_tokens: tokens, temperature: 0 },
    messages: [{ role: 'user', content: prompt }],
  });
  const headers = { 'content-type': 'application/json' };
  await until('the answer is there', async () => {
    const answer = await fetch(`${url}/v1/chat/completions`, { method: 'POST', headers, body });
    expect([200, 503]).toContain(answer.status); // 503: a channel that the provider has not seen yet
    return answer.status === 200;
  });
  const { calls } = await client.spend({ limit: 1 });
  expect(calls[0]?.provider).toBe(provider.address);
  const { parts } = await client.proof({ jobId: calls[0]?.jobId ?? '' });
  const receipt = parts.at(-1)?.receipts.at(-1);
  if (!receipt) throw new Error('the job has no receipt');
  return { receipt };
}

/** The audit of a provider's job once it is in this state. */
async function auditIn(provider: TownProvider, state: AuditState): Promise<Audit> {
  const what = `an audit is ${state}`;
  const find = async () => {
    const { audits } = await town.coordinator.listAudits({ provider: provider.address });
    return audits.find((audit) => audit.state === state);
  };
  return until(what, find, waitMs);
}

async function auditIdFor({ jobId, provider, recordHash }: Audit): Promise<Hex> {
  const { network } = await town.node.network();
  return auditIdOf(network, { jobId, provider: unwrap(accountIdOf(provider)), recordHash });
}

const disputeOf = (auditId: Hex): Promise<ChainAuditJson> => town.node.rpc.audit_get({ auditId });

/** The dispute once it is over. */
async function closed(auditId: Hex): Promise<ChainAuditJson> {
  const find = async () => {
    const dispute = await disputeOf(auditId);
    return dispute.phase === 'closed' && dispute;
  };
  return until('the dispute is over', find, waitMs);
}

const bondOf = async ({ address }: TownProvider) =>
  BigInt((await town.node.rpc.state_getProvider({ address })).bond);
const balanceOf = async (address: string) =>
  BigInt((await town.node.rpc.state_getAccount({ address })).balance);
const seatsOf = ({ seats }: ChainAuditJson, round: number) =>
  seats.filter((seat) => seat.round === round);

/** Waits until the coordinator has put a provider out, and shows why. */
async function expectOut(provider: TownProvider): Promise<void> {
  expect(await bondOf(provider)).toBe(bondNait - slashedNait);
  await until('the coordinator refuses the provider', async () => {
    const { providers } = await town.coordinator.listProviders({});
    return providers.every((row) => row.provider !== provider.address);
  });
}

describe('audits', { concurrent: true }, () => {
  it('catch who runs a smaller model, take bond and lease, and an appeal does not help', async () => {
    await buyFrom(cheat, large);
    const audit = await auditIn(cheat, 'disputed');
    expect(audit.report?.payload).toMatchObject({ verdict: 'cheat', provider: cheat.address });
    const auditId = await auditIdFor(audit);
    await until(
      'its owner is shown the verdict',
      async () => (await cheat.client.ownCases({})).cases[0]?.state === 'decided guilty',
      waitMs,
    );
    expect(await bondOf(cheat)).toBe(bondNait - slashedNait);
    await cheat.client.appealAudit({ auditId });
    const dispute = await closed(auditId);
    expect(dispute).toMatchObject({ result: 'guilty', opener: audit.auditor, round: 2 });
    const [first, second] = [seatsOf(dispute, 1), seatsOf(dispute, 2)];
    expect([first.length, second.length]).toEqual([3, 5]);
    const sat = new Set([...first, ...second].map(({ juror }) => juror));
    expect(sat.size).toBe(8);
    expect(sat.has(cheat.address) || sat.has(dispute.opener)).toBe(false);
    expect(second.every(({ verdict }) => verdict === 'cheat')).toBe(true);
    await auditIn(cheat, 'guilty');
    await expectOut(cheat);
    const score = await town.coordinator.providerScore({ address: cheat.address });
    expect(score.inputs).toMatchObject({ auditsFailed: 1 });
    expect(score.score).toBeLessThan(1_000);
  }, 90_000);

  it('catch who runs four-bit weights as the real ones, also when it changes its key', async () => {
    await buyFrom(thrifty, large);
    const authorizer = hex(keyPairFromSeed(new Uint8Array(32).fill(99)).publicKey);
    const body = { authorizer, endpoint: 'http://127.0.0.1:1', bond: 0n };
    await thrifty.sender.send('provider_register', body);
    const audit = await auditIn(thrifty, 'disputed');
    expect(audit.report?.payload).toMatchObject({ verdict: 'cheat' });
    const dispute = await closed(await auditIdFor(audit));
    expect(dispute.result).toBe('guilty');
    expect(seatsOf(dispute, 1).map(({ verdict }) => verdict)).toEqual(Array(3).fill('cheat'));
    await expectOut(thrifty);
  }, 90_000);

  it('go on without a juror that is silent, and put it off the roster', async () => {
    await buyFrom(smallCheat, small);
    const audit = await auditIn(smallCheat, 'disputed');
    const dispute = await closed(await auditIdFor(audit));
    const seats = seatsOf(dispute, 1);
    expect(dispute.result).toBe('guilty');
    expect(seats.find(({ juror }) => juror === silent.address)).toMatchObject({
      committed: false,
      verdict: null,
    });
    expect(seats.filter(({ verdict }) => verdict === 'cheat')).toHaveLength(2);
    expect(await jurorsOn(small)).not.toContain(silent.address);
    await expectOut(smallCheat);
  }, 90_000);

  it('leave an honest provider what it has, and cost its accuser the deposit', async () => {
    const [seller] = honest;
    if (!seller) throw new Error('nobody is honest');
    const { receipt } = await buyFrom(seller, large);
    const audit = await auditIn(seller, 'honest');
    expect(audit.report?.payload).toMatchObject({ verdict: 'honest' });
    const { address, sender } = town.stranger;
    const before = await balanceOf(address);
    await sender.send('audit_open', {
      provider: seller.accountId,
      recordHash: audit.recordHash,
      deposit: depositNait,
      receipt: hex(utf8(canonicalJson(receipt as unknown as JsonValue))),
    });
    const dispute = await closed(await auditIdFor(audit));
    expect(dispute).toMatchObject({ result: 'acquitted', opener: address, held: '0' });
    expect(seatsOf(dispute, 1).map(({ verdict }) => verdict)).toEqual(Array(3).fill('honest'));
    const lost = before - (await balanceOf(address));
    expect(lost).toBeGreaterThanOrEqual(depositNait);
    expect(lost).toBeLessThan(depositNait + feesNaitMax);
    expect(await bondOf(seller)).toBe(bondNait);
    const score = await town.coordinator.providerScore({ address: seller.address });
    expect(score).toMatchObject({ inputs: { auditsPassed: 1, auditsFailed: 0 } });
  }, 90_000);
});

describe('after all audits', () => {
  it('no coin is lost, made or held back', async () => {
    expect((await town.node.rpc.audits_open({})).audits).toEqual([]);
    const { problems, audits, supply, burned, genesisSupply } = await town.node.rpc.state_audit({});
    expect({ problems, audits }).toEqual({ problems: [], audits: '0' });
    expect(BigInt(supply) + BigInt(burned)).toBe(BigInt(genesisSupply));
    expect(BigInt(burned)).toBeGreaterThan(0n);
  });
});
