/** What a node tells of its state beyond accounts: entries, proofs, validators, votes, convictions. */
import { hex } from '@aitbc/primitives';
import {
  addressOf,
  evidenceBodyOf,
  lightBundleFromJson,
  limits,
  networkFromGenesis,
  signStakeProof,
  signTx,
  signVote,
  type TxBody,
  type TxKind,
  taskIdOf,
  type UnsignedTx,
  unwrap,
  verifyAbsence,
  verifyLightBundle,
  verifyPresence,
  zeroHash,
} from '@aitbc/protocol';
import { createLightClient, createNodeClient, createRpcLightSource } from '@aitbc/sdk';
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
  type TestFolder,
  validatorActor,
} from '../testing/test-node.ts';

const ait = 1_000_000_000n;
const epochBlocks = 4;
const [alice, bob, second] = [actor(1), actor(2), actor(3)];
const addressOfAlice = addressOf(alice.publicKey);
const addressOfBob = addressOf(bob.publicKey);

let at: TestFolder;
let node: ChainNode;
const url = () => node.url as string;
const ask = (method: string, params: object = {}) => resultOf(url(), method, params);
const refusal = (method: string, params: object = {}) => codeOf(url(), method, params);

/** Signs with the next nonce of the lane, sends, waits; the id. */
async function send<K extends TxKind>(
  from: typeof alice,
  kind: K,
  { lane = 0, ...body }: TxBody<K> & { lane?: number },
): Promise<string> {
  const { nonce } = await ask('state_getNonce', { address: addressOf(from.publicKey), lane });
  const envelope = { chain: at.network.chain, nonce, validUntil: 0, fee: 20_000n };
  const laned = lane === 0 ? {} : { lane };
  const tx = { kind, ...envelope, ...laned, from: from.publicKey, body } as unknown as UnsignedTx;
  const status = await ask(
    'tx_sendAndWait',
    sendParams(signTx(at.network, tx, from.keys.secretKey)),
  );
  expect(status.status).toBe('final');
  return status.receipt.txId;
}

const pay = (amount: bigint) => send(alice, 'transfer', { to: bob.publicKey, amount, memo: '' });

/** Blocks until the epoch of the next one is `epoch`. */
async function reachEpoch(epoch: number): Promise<void> {
  while ((await ask('chain_status')).height < epoch * epochBlocks) await pay(1n);
}

beforeAll(async () => {
  at = makeFolder({ epochBlocks, validatorStakeMin: ait.toString() });
  node = nodeIn(at);
  await node.start();
  for (const one of [alice, second, validatorActor]) await fund(url(), one, 900n * ait);
});
afterAll(async () => {
  await node.stop();
  at.remove();
});

describe('blocks', () => {
  it('are told by header, certificate and bundle, and the bundle proves itself', async () => {
    const { hash, header, certificate } = await ask('chain_getBlock');
    const { height } = header;
    expect(await ask('chain_getHeader', { height })).toEqual({ hash, header });
    expect(await ask('chain_getHeader', { hash })).toEqual({ hash, header });
    expect(await ask('chain_getCertificate', { height })).toEqual(certificate);
    const bundle = unwrap(lightBundleFromJson(await ask('chain_getLightBundle', { height })));
    expect(verifyLightBundle(at.network, bundle)).toEqual({ ok: true, value: hash });
    expect((await ask('chain_getLightBundle')).header.height).toBe(height);
    expect(await refusal('chain_getCertificate', { height: 0 })).toBe('NOT_FOUND');
    expect(await refusal('chain_getLightBundle', { height: 0 })).toBe('NOT_FOUND');
    expect(await refusal('chain_getLightBundle', { height: 1e6 })).toBe('NOT_FOUND');
    expect(await refusal('chain_getTxProof', { txId: zeroHash })).toBe('NOT_FOUND');
  });

  it('come with how the node takes part', async () => {
    const status = await ask('chain_status');
    expect(status).toMatchObject({ role: 'validator', syncing: false });
    expect(status.headAgeMs).toBeLessThan(60_000);
    const state = await ask('consensus_state');
    expect(state).toMatchObject({
      self: validatorActor.publicKey,
      leader: validatorActor.publicKey,
      epoch: status.epoch,
      lastHeight: (status.epoch + 1) * epochBlocks,
      ...{ mayVote: true, halted: false, peerHeight: 0, height: status.height },
      rules: { version: 1, known: 1, upgrade: null },
    });
    expect(await ask('net_peers')).toEqual({ port: null, peers: [], targets: [] });
  });
});

describe('entries', () => {
  it('of lanes count apart, and the lane without order has no nonce', async () => {
    const nonceOf = (lane?: number) =>
      ask('state_getNonce', { address: addressOfAlice, ...(lane === undefined ? {} : { lane }) });
    await send(alice, 'transfer', { to: bob.publicKey, amount: 1n, memo: '', lane: 7 });
    expect(await nonceOf(7)).toMatchObject({ lane: 7, nonce: 1, pendingNonce: null });
    const { nonce } = await nonceOf();
    await pay(1n);
    expect(await nonceOf()).toMatchObject({ lane: 0, nonce: nonce + 1, pendingNonce: nonce + 1 });
    expect(await refusal('state_getNonce', { address: addressOfAlice, lane: 65_535 })).toBe(
      'BAD_REQUEST',
    );
  });

  it('of mandates and tasks are told in words, and refused by name when they are not there', async () => {
    const grant = {
      ...{ subKey: bob.publicKey, channelMaxNait: 5n, windowMaxNait: 10n, windowMs: 60_000 },
      ...{ totalMaxNait: 100n, receivers: [{ receiver: second.publicKey }], allows: 3 },
      ...{ jobMaxNait: 3n, models: [{ model: 'qwen3:8b' }], expiresAtHeight: 10_000 },
    };
    await send(alice, 'mandate_grant', grant);
    const names = { owner: addressOfAlice, subKey: addressOfBob };
    expect(await ask('state_getMandate', names)).toMatchObject({
      ...names,
      ...{ totalMaxNait: '100', jobMaxNait: '3', models: ['qwen3:8b'] },
      receivers: [addressOf(second.publicKey)],
      ...{ allowsChannels: true, allowsTransfers: true, revoked: false, spentNait: '0' },
    });
    const swapped = { owner: addressOfBob, subKey: addressOfAlice };
    expect(await refusal('state_getMandate', swapped)).toBe('MANDATE_UNKNOWN');
    const told = await ask('state_getMandate', names);
    for (const party of [{ owner: addressOfAlice }, { subKey: addressOfBob }]) {
      expect(await ask('state_listMandates', party)).toEqual({ mandates: [told], next: null });
    }
    const none = { mandates: [], next: null };
    expect(await ask('state_listMandates', { owner: addressOfBob })).toEqual(none);
    expect(await refusal('state_listMandates')).toBe('BAD_REQUEST');
    expect(await refusal('state_listMandates', names)).toBe('BAD_REQUEST');
    const terms = {
      ...{ worker: zeroHash, arbiter: bob.publicKey, reward: 5n, reviewMs: 60_000 },
      ...{ deadlineMs: Date.now() + 3_600_000, specHash: 'ab'.repeat(32), salt: '01'.repeat(32) },
    };
    await send(alice, 'task_post', terms);
    const taskId = taskIdOf(at.network, alice.publicKey, terms);
    expect(await ask('state_getTask', { taskId })).toMatchObject({
      ...{ taskId, poster: addressOfAlice, worker: null, arbiter: addressOfBob, reward: '5' },
      ...{ state: 'open', resultHash: null, reasonHash: null },
    });
    expect(await refusal('state_getTask', { taskId: zeroHash })).toBe('TASK_UNKNOWN');
    expect(await refusal('state_getValidator', { validator: zeroHash })).toBe('VALIDATOR_UNKNOWN');
  });

  it('are proven by every read that is asked to, at the block of the proof', async () => {
    const network = networkFromGenesis(at.genesis);
    const reads: readonly (readonly [string, object, string])[] = [
      ['state_getAccount', { address: addressOfAlice }, `a${alice.publicKey}`],
      ['state_getNonce', { address: addressOfAlice }, `a${alice.publicKey}`],
      [
        'state_getValidator',
        { validator: validatorActor.publicKey },
        `v${validatorActor.publicKey}`,
      ],
    ];
    for (const [method, input, key] of reads) {
      const { proof, ...plain } = await ask(method, { ...input, proof: true });
      expect(plain).toEqual(await ask(method, input));
      const bundle = unwrap(lightBundleFromJson(proof.bundle));
      expect(verifyLightBundle(network, bundle).ok).toBe(true);
      const value = Buffer.from(proof.value, 'hex');
      expect(verifyPresence(bundle.header.stateRoot, { key, value }, proof.proof)).toBe(true);
    }
    const lane = await ask('state_getNonce', { address: addressOfAlice, lane: 7, proof: true });
    expect(lane).toMatchObject({ nonce: 1, proof: { proof: { kind: 'presence' } } });
    const none = await ask('state_getNonce', { address: addressOfAlice, lane: 8, proof: true });
    expect(none).toMatchObject({ nonce: 0, proof: { value: null, proof: { kind: 'absence' } } });
    expect(await refusal('state_getTask', { taskId: zeroHash, proof: true })).toBe('TASK_UNKNOWN');
  });

  it('are proven to be absent, and named by key, by kind and id, or by address', async () => {
    const id = 'ee'.repeat(32);
    const { bundle, value, proof } = await ask('state_getProof', { key: `c${id}` });
    expect([value, proof.kind]).toEqual([null, 'absence']);
    expect(verifyAbsence(bundle.header.stateRoot, `c${id}`, proof)).toBe(true);
    const byAddress = await ask('state_getProof', { kind: 'account', address: addressOfAlice });
    const byId = await ask('state_getProof', { kind: 'account', id: alice.publicKey });
    expect(byAddress).toEqual(byId);
    expect((await ask('state_getProof', { kind: 'valset' })).proof.kind).toBe('presence');
    const bad = [
      {},
      { key: 'x' },
      { key: `z${id}` },
      { key: `A${id}` },
      { key: `a${id}`, kind: 'account' },
      { kind: 'account' },
      { kind: 'account', id, address: addressOfAlice },
      { kind: 'channel', address: addressOfAlice },
      { kind: 'nothing', id },
    ];
    for (const params of bad) expect(await refusal('state_getProof', params)).toBe('BAD_REQUEST');
  });
});

describe('validators', () => {
  it('are told by epoch, and those that join and are convicted are seen by everybody', async () => {
    const { epoch } = await ask('chain_status');
    const validator = second.publicKey;
    const keySignature = signStakeProof(at.network, second.publicKey, second.keys.secretKey);
    await send(second, 'validator_bond', { validator, stake: 2n * ait, keySignature });
    await reachEpoch(epoch + 1);
    const { validators, firstHeight, lastHeight } = await ask('validators_get');
    expect([firstHeight, lastHeight]).toEqual([
      (epoch + 1) * epochBlocks + 1,
      (epoch + 2) * epochBlocks,
    ]);
    expect(validators.map((row: { publicKey: string }) => row.publicKey)).toEqual([
      validatorActor.publicKey,
      validator,
    ]);
    expect(validators[1].state).toMatchObject({
      ...{ owner: addressOf(validator), stake: (2n * ait).toString(), slashed: false },
    });
    const before = await ask('validators_get', { epoch: 0 });
    expect(before.validators).toMatchObject([{ publicKey: validatorActor.publicKey, state: null }]);
    expect(await refusal('validators_get', { epoch: 1e6 })).toBe('NOT_FOUND');

    expect(await ask('evidence_list')).toEqual({ evidence: [], next: null });
    const vote = (blockHash: string) =>
      signVote(
        at.network,
        { kind: 'finalize', epoch: epoch + 1, view: 1, blockHash, validator: 1 } as never,
        second.keys.secretKey,
      );
    const evidence = { validator, first: vote('01'.repeat(32)), second: vote('02'.repeat(32)) };
    const txId = await send(alice, 'evidence_submit', evidenceBodyOf(evidence));
    const found = await ask('evidence_list');
    expect(found.evidence).toMatchObject([
      { txId, validator, epoch: epoch + 1, view: 1, reporter: addressOfAlice },
    ]);
    expect((await ask('evidence_list', { from: 1 })).evidence).toEqual([]);
    expect(await ask('state_getValidator', { validator })).toMatchObject({ slashed: true });
    const all = await ask('state_listValidators');
    expect(all.next).toBeNull();
    expect(all.validators.map((row: { slashed: boolean }) => row.slashed).sort()).toEqual([
      false,
      true,
    ]);
  });

  it('vote on parameters and versions, and everybody sees what is open and what is armed', async () => {
    const third = actor(4);
    await fund(url(), third, 900n * ait);
    const keySignature = signStakeProof(at.network, third.publicKey, third.keys.secretKey);
    const validator = third.publicKey;
    await send(third, 'validator_bond', { validator, stake: 2n * ait, keySignature });
    const { epoch } = await ask('chain_status');
    await reachEpoch(epoch + 2);
    const { height } = await ask('chain_status');
    const untilHeight = height + 200;
    const ballot = { name: 'jailMs', value: '7', untilHeight };
    await send(third, 'param_vote', { validator, ...ballot });
    const open = await ask('governance_list');
    expect(open.proposals).toMatchObject([
      { ...ballot, voters: [validator], votedStake: `${2n * ait}` },
    ]);
    expect(open).toMatchObject({ next: null, changed: [], armed: [], upgrade: null });
    await send(validatorActor, 'param_vote', { validator: validatorActor.publicKey, ...ballot });
    const isChanged = ({ changed, armed }: typeof open) => [...changed, ...armed];
    const decided = await ask('governance_list');
    expect(decided.proposals).toEqual([]);
    expect(isChanged(decided)).toEqual([{ name: 'jailMs', value: '7' }]);
  });
});

describe('a light client over RPC', () => {
  it('proves accounts, absence and transactions across epochs from the genesis document', async () => {
    const client = createNodeClient({ url: url() });
    const light = createLightClient(
      { trust: { genesis: at.genesis }, trustingPeriodMs: 1e14 },
      { sources: [createRpcLightSource(client, url())], clock: { nowMs: () => Date.now() } },
    );
    const early = (await ask('chain_getBlock', { height: 2 })).txs[0].txId;
    const txId = await pay(5n);
    const account = unwrap(await light.verifyAccount(addressOfAlice));
    expect(account).toMatchObject({ exists: true, at: { header: { height: expect.any(Number) } } });
    expect(`${account.balance}`).toBe(
      (await ask('state_getAccount', { address: addressOfAlice })).balance,
    );
    const nobody = unwrap(await light.verifyAccount(addressOf(actor(99).publicKey)));
    expect(nobody).toMatchObject({ exists: false, balance: 0n });
    const proven = unwrap(await light.verifyTx(txId));
    expect(hex(proven.receipt.subarray(0, 32))).toBe(txId);
    // The first blocks are proven from their own epochs, whose validators were others.
    const fresh = createLightClient(
      { trust: { genesis: at.genesis }, trustingPeriodMs: 1e14 },
      { sources: [createRpcLightSource(client, url())], clock: { nowMs: () => Date.now() } },
    );
    expect(unwrap(await fresh.verifyTx(early)).at.header.height).toBe(2);
    const missing = await light.verifyTx(zeroHash);
    expect(missing).toMatchObject({ ok: false, code: 'NOT_FOUND' });
    await client.close();
  });
});

describe('fees and batches', () => {
  it('are told before a transaction is made', async () => {
    expect(await ask('tx_feeFloor', { kind: 'transfer' })).toEqual({ fee: '10000' });
    expect(await ask('tx_feeFloor', { kind: 'channel_claim', rows: 3 })).toEqual({ fee: '13000' });
    const { feePerOperation } = at.genesis.params;
    const fee = (10_000n + 2n * BigInt(feePerOperation)).toString();
    expect(await ask('tx_feeFloor', { kind: 'batch', operations: 2 })).toEqual({ fee });
    expect(await refusal('tx_feeFloor', { kind: 'transfer', rows: 1 })).toBe('BAD_REQUEST');
    expect(await refusal('tx_feeFloor', { kind: 'transfer', operations: 1 })).toBe('BAD_REQUEST');
    expect(await refusal('tx_feeFloor', { kind: 'wish' })).toBe('BAD_REQUEST');
  });

  it('answer every transaction for itself', async () => {
    const { nonce } = await ask('state_getNonce', { address: addressOfAlice });
    const make = (more: number) =>
      signTx(
        at.network,
        {
          ...{ kind: 'transfer', chain: at.network.chain, nonce: nonce + more, validUntil: 0 },
          ...{
            from: alice.publicKey,
            fee: 10_000n,
            body: { to: bob.publicKey, amount: 1n, memo: '' },
          },
        } as UnsignedTx,
        alice.keys.secretKey,
      );
    const [first, next] = [make(0), make(1)];
    const txs = [first, { bytes: new Uint8Array(3) }, next, next].map((tx) => sendParams(tx).tx);
    const { results } = await ask('tx_sendBatch', { txs });
    expect(results.map((row: { txId: string | null }) => row.txId)).toEqual([
      ...[first.txId, null, next.txId],
      expect.toSatisfy((txId) => txId === null || txId === next.txId),
    ]);
    expect(results[1].error).toMatchObject({ code: 'TX_MALFORMED' });
    expect(await refusal('tx_sendBatch', { txs: [] })).toBe('BAD_REQUEST');
    const many = Array.from({ length: limits.rpcBatch + 1 }, () => txs[0]);
    expect(await refusal('tx_sendBatch', { txs: many })).toBe('BAD_REQUEST');
    expect(await refusal('tx_sendBatch', { txs: ['AB=='] })).toBe('BAD_REQUEST');
  });
});
