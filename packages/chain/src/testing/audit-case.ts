/** One audit in a test: who is in it, short ways to send what it takes, and who has gained what. */
import {
  type AuditVerdict,
  auditIdOf,
  type ErrorCode,
  type Hex,
  type SignedTx,
  type TxBody,
} from '@aitbc/protocol';
import type { AuditEntry, SeatState } from '../audit-entries.ts';
import { accountOf, burnedOf, entryOf, providerOf } from '../state.ts';
import { commitmentOf, openingOf, type ReceiptTerms, revealOf, weights } from './audit-makers.ts';
import { createAuditWorld } from './audit-world.ts';
import { type Actor, balanceNait, type World } from './world.ts';

/** What a juror does: a verdict, a commitment that it never opens, or nothing. */
export type Deed = AuditVerdict | 'mute' | 'absent';

/** An audit to be. */
export type OpeningTerms = Partial<ReceiptTerms> & {
  readonly recordHash?: Hex;
  readonly deposit?: bigint;
  readonly opener?: Actor;
};

/** The case of a test. */
export interface AuditCase {
  readonly world: World;
  /** The accused, and who accuses it; both are on the roster. */
  readonly provider: Actor;
  readonly opener: Actor;
  readonly auditId: Hex;
  /** Takes transactions into a block. Throws when one is refused. */
  send(...txs: SignedTx[]): void;
  /** Code with which the next block would leave a transaction out; undefined when it would not. */
  codeOf(tx: SignedTx): ErrorCode | undefined;
  opening(terms?: OpeningTerms): SignedTx;
  /** Opens the audit and lets two blocks go by. */
  openAndDraw(): void;
  passBlocks(count: number): void;
  audit(): AuditEntry;
  /** Jurors of the present round in the order of the draw. */
  seats(): readonly SeatState[];
  actorOf(id: Hex): Actor;
  commit(juror: Hex, verdict: AuditVerdict): SignedTx;
  reveal(juror: Hex, verdict: AuditVerdict, changes?: Partial<TxBody<'audit_reveal'>>): SignedTx;
  close(by?: Actor): SignedTx;
  appeal(by: Actor, deposit?: bigint): SignedTx;
  /** A whole vote of the present round, up to its decision. */
  vote(deeds: readonly Deed[]): void;
  /** Moves chain time to the date of the audit and closes its phase. */
  closeAtDate(): void;
  /** What an account has got or paid, without its fees and what it paid as a bond. */
  gainOf(id: Hex): bigint;
  bondOf(actor: Actor): bigint;
  burned(): bigint;
}

const [bondNait, feeNait] = [10_000n, 10_000n];

/** A case in a fresh world. */
export function createAuditCase(): AuditCase {
  const { world } = createAuditWorld();
  const [provider, opener] = world.actors as [Actor, Actor];
  const jobId = '0b'.repeat(32);
  const recordHash = '4c'.repeat(32);
  const auditId = auditIdOf(world.network, { jobId, provider: provider.id, recordHash });
  const found = (): AuditEntry => {
    const audit = entryOf(world.reader, 'audit', auditId);
    if (!audit) throw new RangeError('the audit was not opened');
    return audit;
  };
  const voteOf = (juror: Hex, verdict: AuditVerdict) => {
    return { auditId, juror, round: found().round, verdict };
  };
  const kase: AuditCase = {
    ...{ world, provider, opener, auditId, ...pursesOf(world) },
    send(...txs) {
      const block = world.build(txs);
      if (block.refused.length > 0) throw new RangeError(`${block.refused[0]?.code}`);
      world.commit(block);
    },
    codeOf: (tx) => world.build([tx]).refused[0]?.code,
    opening({ opener: by = opener, ...terms } = {}) {
      const atMs = world.context().timeMs;
      const body = openingOf(world.network, {
        ...{ provider, jobId, recordHash, atMs, deposit: 100n, digest: weights.name },
        ...terms,
      });
      return world.tx('audit_open', by, body);
    },
    openAndDraw() {
      kase.send(kase.opening());
      kase.passBlocks(2);
    },
    passBlocks(count) {
      for (let block = 0; block < count; block += 1) kase.send();
    },
    audit: found,
    seats: () => found().seats.filter(({ round }) => round === found().round),
    actorOf: (id) => world.actors.find((actor) => actor.id === id) as Actor,
    commit: (juror, verdict) =>
      world.tx(
        'audit_commit',
        kase.actorOf(juror),
        commitmentOf(world.network, voteOf(juror, verdict)),
      ),
    reveal: (juror, verdict, changes = {}) =>
      world.tx('audit_reveal', kase.actorOf(juror), {
        ...revealOf(voteOf(juror, verdict)),
        ...changes,
      }),
    close: (by = world.actors[15] as Actor) => world.tx('audit_close', by, { auditId }),
    appeal: (by, deposit = 200n) => world.tx('audit_appeal', by, { auditId, deposit }),
    vote(deeds) {
      const jurors = kase.seats().map(({ juror }, at) => ({ juror, deed: deeds[at] ?? 'absent' }));
      const there = jurors.filter(({ deed }) => deed !== 'absent');
      kase.send(
        ...there.map(({ juror, deed }) =>
          kase.commit(juror, deed === 'mute' ? 'honest' : verdictOf(deed)),
        ),
      );
      if (there.length < jurors.length) kase.closeAtDate();
      const open = there.filter(({ deed }) => deed !== 'mute');
      kase.send(...open.map(({ juror, deed }) => kase.reveal(juror, verdictOf(deed))));
      if (found().phase === 'reveal') kase.closeAtDate();
    },
    closeAtDate() {
      world.advance(Math.max(0, found().dueMs - world.context().timeMs));
      kase.send(kase.close());
    },
  };
  return kase;
}

function pursesOf(world: World): Pick<AuditCase, 'gainOf' | 'bondOf' | 'burned'> {
  return {
    gainOf(id) {
      const { balance, nonce } = accountOf(world.reader, id);
      return balance - balanceNait + bondNait + feeNait * BigInt(nonce);
    },
    bondOf: ({ id }) => providerOf(world.reader, id)?.bond ?? 0n,
    burned: () => burnedOf(world.reader),
  };
}

function verdictOf(deed: Deed): AuditVerdict {
  return deed === 'mute' || deed === 'absent' ? 'void' : deed;
}
