/** One transaction of each kind from fixed keys: the material of the golden vectors and of form tests. */
import { hex, utf8 } from '@aitbc/primitives';
import type {
  AuditKind,
  MultisigKind,
  Network,
  SignedTx,
  TxBody,
  TxKind,
  UnsignedTx,
} from '@aitbc/protocol';
import {
  auditIdOf,
  expiringLane,
  multisigIdOf,
  multisigProposalIdOf,
  senderSignatureOf,
  signStakeProof,
  signTx,
  sponsorTx,
  taskIdOf,
} from '@aitbc/protocol';
import { commitmentOf, openingOf, revealOf, weights } from './audit-makers.ts';
import {
  type Actor,
  actorOf,
  allocationOf,
  channelOfAllocation,
  claimOf,
  doubleVoteOf,
  refundOf,
} from './world.ts';

/** Bodies by kind: actor 1 pays, actor 2 receives. */
export function bodiesOf(network: Network): { [K in TxKind]: TxBody<K> } {
  const payer = actorOf(1);
  const receiver = actorOf(2);
  const allocation = allocationOf(payer, receiver, 5_000_000n);
  const channelId = channelOfAllocation(network, payer, allocation);
  const row = { channelId, maxClaimable: 4_000_000n, totalClaimed: 3_000_000n };
  return {
    transfer: { to: receiver.id, amount: 1_500_000_000n, memo: hex(utf8('hello')) },
    vault_deposit: { amount: 9_000_000n, allocations: [allocation] },
    vault_withdraw: { amount: 1_000_000n },
    channel_fund: allocation,
    channel_claim: claimOf(network, { payer, receiver }, [row]),
    channel_refund: refundOf(network, receiver, { channelId, amount: 500n, refundNonce: 0 }),
    withdraw_init: { channelId, amount: 700n },
    withdraw_finalize: { channelId },
    agent_register: { name: 'ada', endpoint: 'https://ada.example', cardHash: 'ab'.repeat(32) },
    provider_register: {
      authorizer: receiver.id,
      endpoint: 'https://gpu.example',
      bond: 100_000_000_000n,
    },
    provider_unbond: {},
    bond_withdraw: { provider: receiver.id },
    ...stakingBodiesOf(network, payer),
    ...mandateBodiesOf(payer, receiver),
    ...taskBodiesOf(network, payer, receiver),
    ...auditBodiesOf(network, receiver),
    ...multisigBodiesOf(network, payer, receiver),
  };
}

type MandateKind = Extract<TxKind, `mandate_${string}`> | 'batch';

function mandateBodiesOf(owner: Actor, subKey: Actor): { [K in MandateKind]: TxBody<K> } {
  const receiver = actorOf(3);
  const allocation = { ...allocationOf(owner, receiver, 5_000n), payerAuthorizer: owner.id };
  return {
    batch: {
      operations: [
        { kind: 'transfer', body: { to: receiver.id, amount: 7n, memo: '' } },
        { kind: 'vault_withdraw', body: { amount: 5n } },
        { kind: 'mandate_revoke', body: { subKey: subKey.id } },
      ],
    },
    mandate_grant: {
      subKey: subKey.id,
      channelMaxNait: 1_000_000n,
      windowMaxNait: 10_000_000n,
      windowMs: 3_600_000,
      totalMaxNait: 100_000_000n,
      jobMaxNait: 20_000n,
      receivers: [{ receiver: receiver.id }],
      models: [{ model: 'qwen3:8b' }],
      allows: 3,
      expiresAtHeight: 100_000,
    },
    mandate_revoke: { subKey: subKey.id },
    mandate_fund: { owner: subKey.id, ...allocation },
    mandate_transfer: { owner: subKey.id, to: receiver.id, amount: 900n },
  };
}

type TaskKind = Extract<TxKind, `task_${string}`>;

function taskBodiesOf(
  network: Network,
  poster: Actor,
  worker: Actor,
): { [K in TaskKind]: TxBody<K> } {
  const terms = {
    worker: worker.id,
    arbiter: actorOf(3).id,
    reward: 2_000_000n,
    deadlineMs: 1_800_000_600_000,
    reviewMs: 60_000,
    specHash: '5e'.repeat(32),
    salt: '07'.repeat(32),
  };
  const taskId = taskIdOf(network, poster.id, terms);
  return {
    task_post: terms,
    task_accept: { taskId },
    task_submit: { taskId, resultHash: '4e'.repeat(32) },
    task_approve: { taskId },
    task_dispute: { taskId, reasonHash: 'd1'.repeat(32) },
    task_resolve: { taskId, workerShareNait: 1_500_000n },
    task_expire: { taskId },
  };
}

/** Actor 2 is accused, actor 1 opens and votes. */
function auditBodiesOf(network: Network, provider: Actor): { [K in AuditKind]: TxBody<K> } {
  const [jobId, recordHash] = ['0b'.repeat(32), '4c'.repeat(32)];
  const auditId = auditIdOf(network, { jobId, provider: provider.id, recordHash });
  const vote = { auditId, juror: actorOf(1).id, round: 1, verdict: 'cheat' } as const;
  const terms = { provider, jobId, recordHash, atMs: 1_800_000_000_000 };
  return {
    auditor_enroll: { digest: weights.id },
    auditor_leave: { digest: weights.id },
    audit_open: openingOf(network, { ...terms, deposit: 1_000_000_000n }),
    audit_commit: commitmentOf(network, vote),
    audit_reveal: revealOf(vote),
    audit_appeal: { auditId, deposit: 2_000_000_000n },
    audit_close: { auditId },
  };
}

/** Actor 1 makes an account that it shares with two others, and proposes that it pays one of them. */
function multisigBodiesOf(
  network: Network,
  creator: Actor,
  other: Actor,
): { [K in MultisigKind]: TxBody<K> } {
  const rows = [creator, other, actorOf(3)].map(({ id }) => ({ member: id }));
  const members = rows.toSorted((a, b) => (a.member < b.member ? -1 : 1));
  const terms = { threshold: 2, members, salt: '5a'.repeat(32) };
  const multisig = multisigIdOf(network, creator.id, terms);
  const wish: TxBody<'multisig_propose'> = {
    multisig,
    slot: 1,
    expiresAtMs: 1_800_000_600_000,
    operations: [
      { kind: 'transfer', body: { to: other.id, amount: 7_000n, memo: '' } },
      { kind: 'multisig_change', body: { threshold: 1, members: members.slice(0, 2) } },
    ],
  };
  const place = { multisig, proposer: creator.id, slot: wish.slot };
  const proposalId = multisigProposalIdOf(network, { ...wish, ...place, number: 0 });
  return {
    multisig_create: terms,
    multisig_propose: wish,
    multisig_approve: { ...place, proposalId },
    multisig_cancel: { ...place, proposalId },
    multisig_change: { threshold: 3, members },
  };
}

type StakingKind =
  | 'validator_bond'
  | 'validator_unbond'
  | 'stake_withdraw'
  | 'validator_unjail'
  | 'evidence_submit'
  | 'param_vote'
  | 'upgrade_signal';

function stakingBodiesOf(network: Network, owner: Actor): { [K in StakingKind]: TxBody<K> } {
  const key = actorOf(3);
  const validator = key.id;
  const keySignature = signStakeProof(network, owner.id, key.secretKey);
  return {
    validator_bond: { validator, stake: 1_000_000_000_000n, keySignature },
    validator_unbond: { validator, amount: 400_000_000_000n },
    stake_withdraw: { validator },
    validator_unjail: { validator },
    evidence_submit: doubleVoteOf(network, key, { epoch: 2, view: 7 }),
    param_vote: { validator, name: 'fees.transfer', value: '2000', untilHeight: 900 },
    upgrade_signal: { validator, version: 2, height: 5_000 },
  };
}

/** The same transfer in each envelope: a lane, the expiring lane, and with a fee that actor 2 pays. */
export function oneOfEachEnvelope(network: Network): SignedTx[] {
  const [sender, sponsor] = [actorOf(1), actorOf(2)];
  const { chain } = network;
  const body = bodiesOf(network).transfer;
  const base = { kind: 'transfer', chain, from: sender.id, fee: 10_000n, body } as const;
  const inLane: UnsignedTx = { ...base, lane: 7, nonce: 3, validUntil: 0 };
  const expiring: UnsignedTx = { ...base, lane: expiringLane, nonce: 99, validUntil: 500 };
  const sponsored: UnsignedTx = { ...base, nonce: 0, validUntil: 0, sponsored: true };
  const signature = senderSignatureOf(network, sponsored, sender.secretKey);
  return [
    ...[inLane, expiring].map((tx) => signTx(network, tx, sender.secretKey)),
    sponsorTx(network, { tx: sponsored, signature }, sponsor.secretKey),
  ];
}

/** One signed transaction of each kind, all from actor 1. */
export function oneOfEach(network: Network): SignedTx[] {
  const sender = actorOf(1);
  return Object.entries(bodiesOf(network)).map(([kind, body], nonce) => {
    const envelope = { kind, chain: network.chain, nonce, validUntil: 0, from: sender.id };
    const parts: Partial<Record<string, bigint>> = {
      ...{ channel_claim: 1_000n, batch: 600n },
      multisig_propose: 400n,
    };
    const fee = 10_000n + (parts[kind] ?? 0n);
    return signTx(network, { ...envelope, fee, body } as UnsignedTx, sender.secretKey);
  });
}
