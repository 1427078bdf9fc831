/**
 * Deeds around the promise of a provider: bonds, rosters, audits and their jurors. Whether a job was cheated is written
 * in its id, so that every honest juror finds the same, and the observer knows the truth.
 */
import type { AuditEntry } from '@aitbc/chain';
import { sha256Hex, utf8 } from '@aitbc/primitives';
import {
  type AuditVerdict,
  addressOf,
  auditCommitmentOf,
  auditReceiptBytesOf,
  auditVerdictNumberOf,
  type Hex,
  type ReceiptPayload,
  type SignedReceipt,
  signDocument,
  zeroHash,
} from '@aitbc/protocol';
import {
  type Deed,
  type DeedMaker,
  type Person,
  personOf,
  pickEntry,
  randomHash,
  type Scene,
} from './scene.ts';

/** Weights that everybody sells and judges. */
export const digestId: Hex = 'd1'.repeat(32);
export const bondNait = 100_000n;
export const auditDepositNait = 1_000n;

/** What is true of a job: written in its id. */
export function truthOf(jobId: Hex): AuditVerdict {
  return jobId < '8' ? 'honest' : 'cheat';
}

const register: DeedMaker = (scene) => {
  const from = scene.random.pick(scene.people);
  if (!scene.view.get('agent', from.id)) {
    const body = { name: 'simulated', endpoint: 'https://simulated', cardHash: zeroHash };
    return { from, kind: 'agent_register', body };
  }
  const known = scene.view.get('provider', from.id);
  const bond = (known?.bond ?? 0n) < bondNait ? bondNait : BigInt(scene.random.below(100));
  const body = { authorizer: from.id, endpoint: 'https://simulated', bond };
  return { from, kind: 'provider_register', body };
};

const enroll: DeedMaker = (scene) => {
  const { members } = scene.view.get('jury', digestId) ?? { members: [] };
  const isMember = (id: Hex): boolean => members.some(({ juror }) => juror === id);
  const found = pickEntry(
    scene,
    scene.view.all('provider'),
    ({ bond }, id) => bond > 0n && !isMember(id),
  );
  const from = found && personOf(scene, found[0]);
  return from && { from, kind: 'auditor_enroll', body: { digest: digestId } };
};

const leave: DeedMaker = (scene) => {
  const from = scene.random.pick(scene.people);
  if (scene.random.chance(0.9)) return undefined;
  return scene.random.chance(0.5)
    ? { from, kind: 'auditor_leave', body: { digest: digestId } }
    : { from, kind: 'provider_unbond', body: {} };
};

const bondBack: DeedMaker = (scene) => {
  const found = pickEntry(scene, scene.view.all('provider'), ({ unbondDueMs }) => unbondDueMs > 0);
  const from = scene.random.pick(scene.people);
  return found && { from, kind: 'bond_withdraw', body: { provider: found[0] } };
};

/** A receipt of a job that this provider is said to have done. */
export function auditedReceipt(scene: Scene, provider: Person, jobId: Hex): SignedReceipt {
  const payload: ReceiptPayload = {
    v: 1,
    network: scene.network.caip2,
    jobId,
    offerId: zeroHash,
    channelId: zeroHash,
    provider: addressOf(provider.id),
    model: 'tiny',
    digest: `sha256:${digestId}`,
    from: 0,
    to: 8,
    prefixHash: zeroHash,
    textHash: zeroHash,
    promptTokens: 3,
    outcome: 'complete',
    charged: '11',
    chargedCumulative: '11',
    atMs: scene.now().timeMs,
  };
  const signer = { publicKey: provider.id, secretKey: provider.secretKey };
  return signDocument({ tag: 'receipt', network: scene.network }, payload, signer) as SignedReceipt;
}

const open: DeedMaker = (scene) => {
  const { random, view } = scene;
  const found = pickEntry(scene, view.all('provider'), ({ bond }) => bond > 0n);
  const provider = found && personOf(scene, found[0]);
  const from = random.pick(scene.people);
  if (!provider) return undefined;
  const before = random.chance(0.2) ? pickEntry(scene, view.all('audit'), () => true) : undefined;
  const jobId = before?.[1].provider === provider.id ? before[1].jobId : randomHash(scene);
  const receipt = auditReceiptBytesOf(auditedReceipt(scene, provider, jobId));
  const deposit = auditDepositNait + BigInt(random.below(3)) * 10n;
  const body = { provider: provider.id, recordHash: randomHash(scene), deposit, receipt };
  return { from, kind: 'audit_open', body };
};

function voteOf(scene: Scene, auditId: Hex, [audit, juror]: readonly [AuditEntry, Hex]) {
  const truth = truthOf(audit.jobId);
  const lie = truth === 'honest' ? 'cheat' : 'honest';
  const verdict = juror === scene.liar ? lie : truth;
  const salt = sha256Hex(utf8(`${auditId}${juror}${audit.round}`));
  return { auditId, juror, round: audit.round, verdict, reportHash: zeroHash, salt } as const;
}

/** The next step of an audit. Jurors who do nothing are those that are not drawn here before the date. */
const judge: DeedMaker = (scene) => {
  const { random } = scene;
  const found = pickEntry(scene, scene.view.all('audit'), ({ phase }) => phase !== 'closed');
  if (!found) return undefined;
  const [auditId, audit] = found;
  if (random.chance(0.15)) {
    return { from: random.pick(scene.people), kind: 'audit_close', body: { auditId } };
  }
  if (audit.phase === 'decided') return appealOf(scene, auditId, audit);
  const seats = audit.seats.filter(({ round }) => round === audit.round);
  if (seats.length === 0) return undefined;
  const from = personOf(scene, random.pick(seats).juror);
  return from && ballotOf(scene, { auditId, audit, from });
};

function ballotOf(
  scene: Scene,
  { auditId, audit, from }: { auditId: Hex; audit: AuditEntry; from: Person },
): Deed {
  const vote = voteOf(scene, auditId, [audit, from.id]);
  if (audit.phase === 'commit') {
    const commitment = auditCommitmentOf(scene.network, vote);
    return { from, kind: 'audit_commit', body: { auditId, commitment } };
  }
  const { reportHash, salt } = vote;
  const verdict = auditVerdictNumberOf(vote.verdict);
  return { from, kind: 'audit_reveal', body: { auditId, verdict, reportHash, salt } };
}

function appealOf(scene: Scene, auditId: Hex, audit: AuditEntry): Deed | undefined {
  const loser = audit.first === 'guilty' ? audit.provider : audit.opener;
  const from = scene.random.chance(0.9) ? personOf(scene, loser) : scene.random.pick(scene.people);
  const deposit = 2n * auditDepositNait;
  return from && { from, kind: 'audit_appeal', body: { auditId, deposit } };
}

export const auditDeeds: readonly DeedMaker[] = [
  register,
  enroll,
  leave,
  bondBack,
  open,
  judge,
  judge,
  judge,
  judge,
  judge,
];
