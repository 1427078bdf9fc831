/**
 * What audits say of providers: how many of the last 64 were reported as honest, how many the jurors on chain found
 * guilty, and whether one speaks against the provider now. Read from the stored audits, so that every coordinator
 * of one database says the same, and again whenever one has changed.
 *
 * Only what cannot be had for nothing counts against a provider: a verdict of jurors, and, until they have decided, a
 * dispute that its opener paid a deposit for. An auditor's word alone bars nobody.
 */
import type { AuditState, Hex } from '@aitbc/protocol';
import type { AuditRows } from '../store/audit-rows.ts';

/** Counts of the last audits of a provider. */
export interface AuditCounts {
  readonly passed: number;
  readonly failed: number;
}

/** Standings of all providers. */
export interface Standings {
  of(provider: string): AuditCounts;
  /** True while a dispute is open, and as long as a lost one is kept. */
  isSuspect(provider: string): boolean;
  /** Reads them again and tells of each provider that stands otherwise than before. */
  load(): Promise<void>;
}

/** Parts of standings. */
export interface StandingsDeps {
  readonly audits: Pick<AuditRows, 'ends'>;
  onChange(provider: string): void;
}

/** Ends that count in a score. */
export const scoredStates = ['honest', 'guilty'] as const satisfies readonly AuditState[];
/** Audits of a provider that count in its score. */
export const scoredAudits = 64;

const rowsMax = 200_000;
const noAudits: Standing = Object.freeze({ passed: 0, failed: 0, isSuspect: false });

interface Standing extends AuditCounts {
  readonly isSuspect: boolean;
}

/** Standings without any audit. */
export function createStandings({ audits, onChange }: StandingsDeps): Standings {
  let standings = new Map<string, Standing>();
  return {
    of: (provider) => standings.get(provider) ?? noAudits,
    isSuspect: (provider) => standings.get(provider)?.isSuspect ?? false,
    async load() {
      const before = standings;
      standings = standingsOf(await audits.ends([...scoredStates, 'disputed'], rowsMax));
      for (const provider of new Set([...before.keys(), ...standings.keys()])) {
        const [was, is] = [before.get(provider) ?? noAudits, standings.get(provider) ?? noAudits];
        const isSame = was.passed === is.passed && was.failed === is.failed;
        if (!isSame || was.isSuspect !== is.isSuspect) onChange(provider);
      }
    },
  };
}

/** Newest first for each provider. */
function standingsOf(
  rows: readonly { readonly provider: Hex; readonly state: AuditState }[],
): Map<string, Standing> {
  const standings = new Map<string, Standing>();
  for (const { provider, state } of rows) {
    const { passed, failed, isSuspect } = standings.get(provider) ?? noAudits;
    const isCounted = state !== 'disputed' && passed + failed < scoredAudits;
    standings.set(provider, {
      passed: passed + (isCounted && state === 'honest' ? 1 : 0),
      failed: failed + (isCounted && state === 'guilty' ? 1 : 0),
      isSuspect: isSuspect || state !== 'honest',
    });
  }
  return standings;
}
