/** The audit of a run, as far as jobs, coins, claims, audits, liars and agents go. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { CastBooks } from '../agents/start-agents.ts';
import { notesText } from '../books/books.ts';
import type { InvariantRow, Run } from '../contract.ts';
import { auditRows } from './audit-rows.ts';
import { coinRows } from './coin-rows.ts';
import { crimeRows } from './crime-rows.ts';
import { gatherEvidence } from './evidence.ts';
import { jobRows } from './job-rows.ts';
import { logRows } from './log-rows.ts';
import { rowOf } from './row.ts';

/** Waits until what is owed is paid, and judges everything. */
export async function checkInvariants(run: Run): Promise<InvariantRow[]> {
  const { notes } = run.books as CastBooks;
  writeFileSync(join(run.town.facts.home, 'notes.json'), notesText(notes));
  const evidence = await gatherEvidence(run);
  try {
    const { books, facts, silent } = evidence;
    const settled = rowOf(
      {
        name: 'everybody is settled',
        claim: 'at the end every provider has claimed what it is due, and all answer',
      },
      facts.providers,
      ({ name }) => silent.find((line) => line.startsWith(`${name} `)),
    );
    const seen = { name: 'nobody came to grief', claim: 'no agent met what it cannot explain' };
    return [
      ...(await coinRows(evidence)),
      ...jobRows(evidence),
      ...(await logRows(evidence)),
      ...(await crimeRows(evidence)),
      ...auditRows(evidence),
      settled,
      { ...seen, checked: facts.agents.length, broken: [...books.notes.broken] },
    ];
  } finally {
    await evidence.node.close();
  }
}
