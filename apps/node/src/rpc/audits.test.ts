/** A whole audit on a real node, as jurors and strangers see it through the typed client. */
import { type Clock, systemClock } from '@aitbc/primitives';
import {
  type AuditVerdict,
  addressOf,
  auditCommitmentOf,
  auditIdOf,
  auditReceiptBytesOf,
  auditVerdictNumberOf,
  type ChainAuditJson,
  type Hex,
  signDocument,
  type TxBody,
  type TxKind,
} from '@aitbc/protocol';
import { createNodeClient, type NodeClient } from '@aitbc/sdk';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ChainNode } from '../app.ts';
import {
  actor,
  codeOf,
  fund,
  makeFolder,
  nodeIn,
  resultOf,
  sendParams,
  signed,
  type TestFolder,
} from '../testing/test-node.ts';

const ait = 1_000_000_000n;
const bond = 10n * ait;
const voteMs = 60_000;
const weights = 'd1'.repeat(32);
const [accused, opener, ...others] = [1, 2, 3, 4, 5].map(actor) as [
  Provider,
  Provider,
  ...Provider[],
];
type Provider = ReturnType<typeof actor>;

let at: TestFolder;
let node: ChainNode;
let client: NodeClient;
let aheadMs = 0;
const clock: Clock = { nowMs: () => systemClock.nowMs() + aheadMs };
const nonces = new Map<Hex, number>();

async function send<K extends TxKind>(from: Provider, kind: K, body: TxBody<K>): Promise<void> {
  const nonce = nonces.get(from.publicKey) ?? 0;
  const tx = signed(at.network, from, { kind, body, nonce });
  await resultOf(node.url as string, 'tx_sendAndWait', sendParams(tx));
  nonces.set(from.publicKey, nonce + 1);
}

function openingOf(recordHash: Hex): TxBody<'audit_open'> {
  const { network } = at;
  const payload = {
    ...{ v: 1 as const, network: network.caip2, provider: addressOf(accused.publicKey) },
    ...{ jobId: '0b'.repeat(32), offerId: '0f'.repeat(32), channelId: '0c'.repeat(32) },
    ...{ model: 'qwen3:8b', digest: `sha256:${weights}`, from: 0, to: 8, promptTokens: 3 },
    ...{ prefixHash: '0a'.repeat(32), textHash: '0e'.repeat(32), outcome: 'complete' as const },
    ...{ charged: '9', chargedCumulative: '9', atMs: clock.nowMs() },
  };
  const signer = { publicKey: accused.publicKey, secretKey: accused.keys.secretKey };
  const receipt = auditReceiptBytesOf(signDocument({ tag: 'receipt', network }, payload, signer));
  return { provider: accused.publicKey, recordHash, deposit: ait, receipt };
}

const recordHash = '4c'.repeat(32);
const auditIdHere = () =>
  auditIdOf(at.network, { jobId: '0b'.repeat(32), provider: accused.publicKey, recordHash });
const auditNow = () => client.rpc.audit_get({ auditId: auditIdHere() });

/** One more block. */
const tick = () => send(opener, 'transfer', { to: accused.publicKey, amount: 1n, memo: '' });

/** All three jurors commit to a verdict and reveal it. */
async function judge({ seats, auditId }: ChainAuditJson, verdict: AuditVerdict): Promise<void> {
  const votes = seats.map(({ juror }) => {
    const by = others.find(({ publicKey }) => addressOf(publicKey) === juror) as Provider;
    const secret = { reportHash: '5e'.repeat(32), salt: '07'.repeat(32) };
    return { by, vote: { auditId, juror: by.publicKey, round: 1, verdict, ...secret } };
  });
  for (const { by, vote } of votes) {
    const commitment = auditCommitmentOf(at.network, vote);
    await send(by, 'audit_commit', { auditId, commitment });
  }
  expect((await auditNow()).seats.map((seat) => [seat.committed, seat.verdict])).toEqual(
    votes.map(() => [true, null]),
  );
  for (const { by, vote } of votes) {
    const { reportHash, salt } = vote;
    const number = auditVerdictNumberOf(verdict);
    await send(by, 'audit_reveal', { auditId, verdict: number, reportHash, salt });
  }
}

beforeAll(async () => {
  const waiting = { catchUpBeats: 0 }; // the clock of this test jumps
  at = makeFolder({ providerBondMin: bond.toString(), auditVoteMs: voteMs, ...waiting });
  node = nodeIn(at, { clock });
  await node.start();
  client = createNodeClient({ url: node.url as string });
  const card = { name: 'p', endpoint: '', cardHash: '01'.repeat(32) };
  for (const one of [accused, opener, ...others]) {
    await fund(node.url as string, one, 50n * ait);
    await send(one, 'agent_register', card);
    await send(one, 'provider_register', { authorizer: one.publicKey, endpoint: '', bond });
    await send(one, 'auditor_enroll', { digest: weights });
  }
});
afterAll(async () => {
  await client.close();
  await node.stop();
  at.remove();
});

describe('an audit over the wire', () => {
  it('is not there before it is opened; its roster is', async () => {
    expect(await codeOf(node.url as string, 'audit_get', { auditId: auditIdHere() })).toBe(
      'AUDIT_UNKNOWN',
    );
    expect(await client.rpc.audits_open({})).toEqual({ audits: [], next: null });
    const { jurors } = await client.rpc.audit_jurors({ digest: weights });
    expect(jurors).toEqual([accused, opener, ...others].map((one) => addressOf(one.publicKey)));
    expect(await client.rpc.audit_jurors({ digest: '00'.repeat(32) })).toEqual({ jurors: [] });
  });

  it('goes from its opening to a lost bond, and every coin is counted on the way', async () => {
    await send(opener, 'audit_open', openingOf(recordHash));
    for (let blocks = 0; blocks < 2; blocks += 1) await tick();
    const drawn = await auditNow();
    expect(drawn).toMatchObject({ phase: 'commit', recordHash, digest: weights, result: null });
    expect(await client.rpc.audits_open({})).toEqual({ audits: [drawn], next: null });
    await judge(drawn, 'cheat');
    expect(await auditNow()).toMatchObject({
      ...{ phase: 'decided', firstResult: 'guilty', result: null },
      held: ((bond * 2_000n) / 10_000n).toString(),
    });
    expect((await client.rpc.state_audit({})).audits).toBe((ait + bond / 5n).toString());
    aheadMs += voteMs;
    await send(others[0] as Provider, 'audit_close', { auditId: auditIdHere() });
    const closed = await auditNow();
    expect(closed).toMatchObject({ phase: 'closed', result: 'guilty', dueMs: 0 });
    expect(closed.seats.map(({ verdict }) => verdict)).toEqual(['cheat', 'cheat', 'cheat']);
    expect(await client.rpc.audits_open({})).toEqual({ audits: [], next: null });
    const provider = await client.rpc.state_getProvider({ address: addressOf(accused.publicKey) });
    expect(provider.bond).toBe(((bond * 8n) / 10n).toString());
    expect(await client.rpc.state_audit({})).toMatchObject({ audits: '0', problems: [] });
  });

  it('is proven like every other entry', async () => {
    const { proof } = await client.rpc.audit_get({ auditId: auditIdHere(), proof: true });
    expect(proof?.value).toMatch(/^[0-9a-f]+$/);
    const keyed = await client.rpc.state_getProof({ kind: 'audit', id: auditIdHere() });
    expect(keyed.value).toBe(proof?.value);
    const docket = await client.rpc.state_getProof({ kind: 'docket' });
    expect(docket.value).toBe('0000');
  });
});
