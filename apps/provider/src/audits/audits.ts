/**
 * The audits of a provider: what it owes the market while it is idle. One loop:
 *
 *   1. on the jury roster of the weights it serves, again when a silence has put it off
 *   2. disputes on chain: its part as a juror, and notes for the owner where it is in one
 *   3. cheats it has found: to the chain
 *   4. duties: replays for the coordinator
 *
 * A provider that takes no part, or whose engine cannot replay, looks after 2 only, and only at its own cases.
 *
 * The engine lets paid jobs go first (ENGINE_BUSY); then the step is done in a later round. A step that fails does not
 * keep the others from being done. An appeal costs a deposit, so only the owner's command sends one.
 */
import { AppError, asAppError, auditDigestOf, type ErrorCode, type Hex } from '@aitbc/protocol';
import type { AuditStore, Case } from './audit-store.ts';
import { type DisputeChain, refusalOf } from './dispute-chain.ts';
import { type AuditorDeps, doDuties, openDisputes } from './do-duties.ts';
import { type CasesDeps, noteCases } from './own-cases.ts';
import { type JurorDeps, takePart } from './sit-on-juries.ts';

/** How often the loop runs. */
export interface AuditOptions {
  readonly pollMs: number;
}

/** What an auditor and juror works with. */
export interface AuditWork
  extends Omit<AuditorDeps, 'chain' | 'store' | 'log'>,
    Omit<JurorDeps, 'chain' | 'store' | 'log' | 'desk' | 'address' | 'nowMs'> {
  /** Digests of the weights that are sold. */
  digests(): readonly string[];
}

/** Parts of the audits. */
export interface AuditDeps extends Omit<CasesDeps, 'store' | 'chain'> {
  readonly chain: DisputeChain;
  readonly store: AuditStore;
  /** Undefined for a provider that only looks after its own cases. */
  readonly work: AuditWork | undefined;
  /** The chain knows this provider. */
  isRegistered(): boolean;
}

/** The audits. */
export interface Audits {
  start(): void;
  /** Ends when the round that runs has ended. */
  stop(): Promise<void>;
  /** Disputes this provider is or was in, newest first. */
  cases(): Case[];
  standing(): AuditStanding;
  /** Appeals against a verdict. Throws AUDIT_UNKNOWN and what the chain refuses with. */
  appeal(auditId: Hex): Promise<void>;
}

/** Disputes against this provider: open ones, and lost ones. */
export interface AuditStanding {
  readonly accused: number;
  readonly lost: number;
}

const rosterLookMs = 600_000;
const casesShown = 100;
/** An appeal takes twice the deposit of an accusation. */
const appealDeposits = 2n;

/** Audits that do not run yet. */
export function createAudits({ pollMs }: AuditOptions, deps: AuditDeps): Audits {
  const ending = new AbortController();
  const { signal } = ending;
  const steps = stepsOf(deps, signal);
  let timer: ReturnType<typeof setTimeout> | undefined;
  let running: Promise<void> = Promise.resolve();
  const round = async (): Promise<void> => {
    if (!deps.isRegistered()) return;
    for (const step of steps) if (!signal.aborted) await step();
  };
  const tick = (): void => {
    running = round().then(() => {
      if (!signal.aborted) timer = setTimeout(tick, pollMs);
    });
  };
  return {
    start: tick,
    async stop() {
      ending.abort(new AppError('CANCELLED'));
      clearTimeout(timer);
      await running;
    },
    cases: () => deps.store.cases(casesShown),
    standing: deps.store.standing,
    async appeal(auditId) {
      const deposit = deps.chain.params.depositMinNait * appealDeposits;
      await deps.chain.send('audit_appeal', { auditId, deposit });
    },
  };
}

type Step = () => Promise<void>;

/** The steps of a round; each tells a failure once, until it fares otherwise. */
function stepsOf(deps: AuditDeps, signal: AbortSignal): readonly Step[] {
  const told = new Map<string, ErrorCode>();
  const guarded = (name: string, step: Step): Step => {
    return async () => {
      try {
        await step();
        told.delete(name);
      } catch (error) {
        const { code, message: reason } = asAppError(error);
        if (signal.aborted || told.get(name) === code) return;
        told.set(name, code);
        if (code === 'ENGINE_BUSY') deps.log.debug({ code }, `${name}: later`);
        else deps.log.warn({ code, reason }, `${name} failed`);
      }
    };
  };
  const { chain, store, work } = deps;
  const parts = work && { ...deps, ...work, chain, store };
  const onDisputes = async (): Promise<void> => {
    const open = await chain.open();
    await noteCases(deps, open);
    if (!parts) return;
    for (const dispute of open) {
      await guarded(`dispute ${dispute.auditId}`, () => takePart(parts, dispute, signal))();
    }
  };
  const looking = guarded('looking at disputes', onDisputes);
  if (!parts) return [looking];
  return [
    guarded('enrolling as a juror', createRoster(parts, signal)),
    looking,
    guarded('disputing', () => openDisputes(parts, signal)),
    guarded('auditing', () => doDuties(parts, signal)),
  ];
}

/** Enrolls for each digest; looks again from time to time, because silent jurors are put off the roster. */
function createRoster(
  { chain, address, digests, nowMs, log }: AuditDeps & AuditWork,
  signal: AbortSignal,
): Step {
  const lookedAtMs = new Map<string, number>();
  return async () => {
    for (const digest of new Set(digests())) {
      const nowAtMs = nowMs();
      if (nowAtMs - (lookedAtMs.get(digest) ?? Number.NEGATIVE_INFINITY) < rosterLookMs) continue;
      const id = auditDigestOf(digest);
      if (!(await chain.jurorsOf(id)).includes(address)) {
        const code = await refusalOf(chain.send('auditor_enroll', { digest: id }, signal));
        if (code !== undefined) log.warn({ code, digest }, 'not enrolled as a juror');
        else log.info({ digest }, 'enrolled as a juror');
      }
      lookedAtMs.set(digest, nowAtMs);
    }
  };
}
