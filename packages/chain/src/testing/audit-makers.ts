/** Audits for tests: receipts, votes, and the moves of random histories that open, judge and close them. */
import { hex, sha256Hex, utf8 } from '@aitbc/primitives';
import {
  type AuditVerdict,
  addressOf,
  auditCommitmentOf,
  auditReceiptBytesOf,
  auditVerdictNumberOf,
  type Hex,
  type Network,
  type SignedReceipt,
  type SignedTx,
  signDocument,
  type TxBody,
  zeroHash,
} from '@aitbc/protocol';
import type { AuditEntry, AuditPhase, SeatState } from '../audit-entries.ts';
import { entryOfPair } from '../entries.ts';
import { type Actor, actorOf, type World } from './world.ts';

/** Weights that the tests audit, as receipts name them and as rosters do. */
export const weights = Object.freeze({ name: `sha256:${'d1'.repeat(32)}`, id: 'd1'.repeat(32) });

/** What of a receipt a test chooses. */
export interface ReceiptTerms {
  readonly provider: Actor;
  readonly atMs: number;
  readonly jobId?: Hex;
  readonly digest?: string;
  /** The provider itself when left out. */
  readonly signer?: Actor;
}

/** A signed receipt of eight tokens. */
export function receiptOf(network: Network, terms: ReceiptTerms): SignedReceipt {
  const { provider, atMs, jobId = '0b'.repeat(32), digest = weights.name, signer } = terms;
  const key = signer ?? provider;
  const payload = {
    v: 1 as const,
    network: network.caip2,
    jobId,
    offerId: '0f'.repeat(32),
    channelId: '0c'.repeat(32),
    provider: addressOf(provider.id),
    model: 'qwen3:8b',
    digest,
    from: 0,
    to: 8,
    prefixHash: '0a'.repeat(32),
    textHash: '0e'.repeat(32),
    promptTokens: 12,
    outcome: 'complete' as const,
    charged: '100',
    chargedCumulative: '100',
    atMs,
  };
  const by = { publicKey: key.id, secretKey: key.secretKey };
  return signDocument({ tag: 'receipt', network }, payload, by);
}

/** Body that accuses a provider over a record. */
export function openingOf(
  network: Network,
  terms: ReceiptTerms & { readonly recordHash: Hex; readonly deposit: bigint },
): TxBody<'audit_open'> {
  const { provider, recordHash, deposit } = terms;
  const receipt = auditReceiptBytesOf(receiptOf(network, terms));
  return { provider: provider.id, recordHash, deposit, receipt };
}

/** A vote of a juror with all that is needed to commit to it and to reveal it. */
export interface VoteTerms {
  readonly auditId: Hex;
  readonly juror: Hex;
  readonly round: number;
  readonly verdict: AuditVerdict;
}

/** Body of a commitment; the salt is the juror's id, which only a test may do. */
export function commitmentOf(network: Network, vote: VoteTerms): TxBody<'audit_commit'> {
  const secret = { ...vote, reportHash: 'ee'.repeat(32), salt: vote.juror };
  return { auditId: vote.auditId, commitment: auditCommitmentOf(network, secret) };
}

/** Body that reveals it. */
export function revealOf({ auditId, juror, verdict }: VoteTerms): TxBody<'audit_reveal'> {
  const number = auditVerdictNumberOf(verdict);
  return { auditId, verdict: number, reportHash: 'ee'.repeat(32), salt: juror };
}

/** What these moves look at. */
interface AuditScene {
  readonly world: World;
  readonly from: Actor;
  readonly other: number;
  readonly salt: number;
  readonly amount: bigint;
}

/** The second key of an actor. */
export const secondKeyOf = (actor: Actor): Actor =>
  actorOf(130 + ((actor.secretKey[0] ?? 0) % 100));

/** One of the audits in these phases, or an id of none. */
function pickAudit(
  { world, amount }: AuditScene,
  phases: readonly AuditPhase[],
): readonly [Hex, AuditEntry | undefined] {
  const found: [Hex, AuditEntry][] = [];
  for (const [key, value] of world.state) {
    if (!key.startsWith('w')) continue;
    const pair = entryOfPair(key, value);
    if (pair.kind === 'audit' && phases.includes(pair.entry.phase))
      found.push([pair.id, pair.entry]);
  }
  return found[Number(amount % BigInt(found.length || 1))] ?? [zeroHash, undefined];
}

/** The juror that a seat names, or now and then somebody else. */
function pickJuror(
  scene: AuditScene,
  audit: AuditEntry | undefined,
  isDue: (seat: SeatState) => boolean,
) {
  const { world, from, amount } = scene;
  const seats = audit?.seats.filter((seat) => seat.round === audit.round && isDue(seat)) ?? [];
  const seat = seats[Number(amount / 7n) % (seats.length || 1)];
  const juror = world.actors.find(({ id }) => id === seat?.juror);
  return amount % 11n === 0n ? from : (juror ?? from);
}

/** Most jurors of a round agree; which way depends on audit and round. */
function voteOf(auditId: Hex, audit: AuditEntry | undefined, juror: Hex): VoteTerms {
  const round = audit?.round ?? 1;
  const roll = (text: string, sides: number) =>
    Number.parseInt(sha256Hex(utf8(text)).slice(0, 6), 16) % sides;
  const leaning = (['cheat', 'cheat', 'honest', 'void'] as const)[roll(`${auditId}${round}`, 4)];
  const stray = (['honest', 'cheat'] as const)[roll(juror, 2)];
  const verdict = roll(`${auditId}${round}${juror}`, 5) === 0 ? stray : leaning;
  return { auditId, juror, round, verdict: verdict ?? 'void' };
}

/** Makers of these kinds. */
export const auditMakers = {
  auditor_enroll: ({ world, from, salt }: AuditScene): SignedTx =>
    world.tx('auditor_enroll', from, { digest: salt === 0 ? weights.id : zeroHash }),
  auditor_leave: ({ world, from, salt }: AuditScene): SignedTx =>
    world.tx('auditor_leave', from, { digest: salt === 0 ? weights.id : zeroHash }),
  audit_open({ world, from, other, amount, salt }: AuditScene): SignedTx {
    const provider = world.actors[other] as Actor;
    const late = amount % 13n === 0n ? 10_000_000 : Number(amount % 4_000n);
    const body = openingOf(world.network, {
      provider,
      atMs: world.context().timeMs - late,
      jobId: hashOf(amount % 5n),
      recordHash: hashOf(amount % 3n),
      deposit: 95n + (amount % 60n),
      ...(salt === 0 ? {} : { signer: secondKeyOf(provider) }),
    });
    const isBroken = amount % 17n === 0n;
    return world.tx('audit_open', from, isBroken ? { ...body, receipt: hex(utf8('{}')) } : body);
  },
  audit_commit(scene: AuditScene): SignedTx {
    const [auditId, audit] = pickAudit(scene, ['commit']);
    const juror = pickJuror(scene, audit, ({ commitment }) => commitment === zeroHash);
    const body = commitmentOf(scene.world.network, voteOf(auditId, audit, juror.id));
    const isBroken = scene.amount % 19n === 0n;
    return scene.world.tx('audit_commit', juror, {
      ...body,
      ...(isBroken ? { commitment: zeroHash } : {}),
    });
  },
  audit_reveal(scene: AuditScene): SignedTx {
    const phases = scene.amount % 5n === 0n ? (['commit'] as const) : (['reveal'] as const);
    const [auditId, audit] = pickAudit(scene, phases);
    const isDue = (seat: SeatState) => seat.commitment !== zeroHash && seat.verdict === 0;
    const juror = pickJuror(scene, audit, isDue);
    const body = revealOf(voteOf(auditId, audit, juror.id));
    const verdict = scene.amount % 23n === 0n ? Number(scene.amount % 6n) : body.verdict;
    return scene.world.tx('audit_reveal', juror, { ...body, verdict });
  },
  audit_appeal(scene: AuditScene): SignedTx {
    const { world, from, amount } = scene;
    const [auditId, audit] = pickAudit(scene, ['decided']);
    const loser = audit?.first === 'guilty' ? audit.provider : audit?.opener;
    const by = world.actors.find(({ id }) => id === loser) ?? from;
    const deposit = 195n + (amount % 60n);
    return world.tx('audit_appeal', amount % 9n === 0n ? from : by, { auditId, deposit });
  },
  audit_close(scene: AuditScene): SignedTx {
    const phases = ['drawing', 'commit', 'reveal', 'decided', 'closed'] as const;
    const [auditId] = pickAudit(scene, scene.amount % 6n === 0n ? phases : phases.slice(1, 4));
    return scene.world.tx('audit_close', scene.from, { auditId });
  },
};

const hashOf = (number: bigint): Hex => number.toString(16).padStart(64, '0');
