/**
 * Faults planted around the rules of the market and the shells of its parties: a rule is wrapped, or a habit left out.
 * The rules themselves have no switch for them.
 */
import { encodeEntry, entryOfPair } from '@aitbc/chain';
import type { Change } from '../market/rules.ts';

const bugs: Readonly<Record<string, Change>> = {
  actsBeforeDisk: {
    what: 'answers, runs, shows receipts and signs vouchers before the disk has them',
    habits: { waitsForDisk: false },
  },
  claimsBeforeDisk: {
    what: 'claims before the receipts are on the disk',
    habits: { claimsFromDisk: false },
  },
  forgetsJobs: {
    what: 'does not know the jobs of an earlier life',
    habits: { remembersJobs: false },
  },
  givesUncovered: {
    what: 'gives tokens that no voucher covers',
    habits: { waitsForCover: false },
  },
  freesReservations: {
    what: 'gives a reservation up when the line breaks',
    habits: { keepsReservations: false },
  },
  runsGivenUpJobs: {
    what: 'runs a job that its buyer has given up, when the request comes late',
    habits: { heedsGivingUp: false },
  },
  missesWithdrawals: {
    what: 'goes on while the payer withdraws, and claims too late',
    habits: { claimsOnWithdrawal: false },
    rules: ({ admitJob, checkMandate }) => ({
      checkMandate,
      admitJob: (seller, record, request) =>
        admitJob(
          seller,
          record && {
            ...record,
            channel: { ...record.channel, withdrawDueMs: 0, withdrawAmount: 0n },
          },
          request,
        ),
    }),
  },
  ignoresMandates: {
    what: 'serves sub-keys whatever their mandate says',
    rules: () => ({ checkMandate: () => undefined }),
  },
  chargesThePromptOfFailures: {
    what: 'charges prompt and fee of a job that failed',
    rules: ({ endJob }) => ({
      endJob: (record, jobId, end) => {
        const step = endJob(record, jobId, { ...end, outcome: 'complete' });
        return { ...step, job: { ...step.job, outcome: end.outcome } };
      },
    }),
  },
  chargesThePrefix: {
    what: 'charges the tokens that another provider gave',
    rules: ({ admitJob }) => ({
      admitJob(seller, record, request) {
        const verdict = admitJob(seller, record, request);
        if (!verdict.ok || verdict.value.kind === 'attach') return verdict;
        const { record: books, job } = verdict.value;
        const greedy = { ...job, from: 0 };
        const jobs = new Map(books.jobs).set(job.jobId, greedy);
        return { ok: true, value: { kind: 'admitted', record: { ...books, jobs }, job: greedy } };
      },
    }),
  },
  claimsTheCap: {
    what: 'claims what was signed instead of what is due',
    rules: ({ claimRowOf }) => ({
      claimRowOf: (record) =>
        claimRowOf(record.best ? { ...record, charged: record.best.maxClaimable } : record),
    }),
  },
  promisesTwice: {
    what: 'forgets the reservations of calls that run when it signs the next voucher',
    rules: ({ createBook }) => ({
      createBook: (stored, ...rest) =>
        createBook(
          { ...stored, calls: stored.calls.filter(({ status }) => status !== 'running') },
          ...rest,
        ),
    }),
  },
  believesReceipts: {
    what: 'takes receipts without a look',
    rules: ({ createReceiptChecker }) => ({
      createReceiptChecker(terms) {
        const checker = createReceiptChecker(terms);
        let last: ReturnType<typeof checker.last>;
        return {
          last: () => last,
          check(receipt) {
            last = receipt.payload;
            return { ok: true, value: receipt.payload };
          },
        };
      },
    }),
  },
  paysWithdrawalsTwice: {
    what: 'a withdrawal pays the vault and leaves the money in the channel',
    rules: ({ buildBlock }) => ({
      buildBlock(plan) {
        const block = buildBlock(plan);
        const tx = block.txs.find(({ kind }) => kind === 'withdraw_finalize');
        if (tx?.kind !== 'withdraw_finalize') return block;
        const key = `c${tx.body.channelId}`;
        const before = plan.reader.get(key);
        return before ? { ...block, writes: new Map([...block.writes, [key, before]]) } : block;
      },
    }),
  },
  forgetsDates: {
    what: 'a task that was submitted has no date',
    rules: ({ buildBlock }) => ({
      buildBlock(plan) {
        const block = buildBlock(plan);
        const writes = new Map(block.writes);
        for (const [key, value] of block.writes) {
          const { kind, entry } = entryOfPair(key, value);
          if (kind !== 'task' || entry.state !== 'submitted') continue;
          writes.set(key, encodeEntry('task', { ...entry, dueMs: 0 }));
        }
        return { ...block, writes };
      },
    }),
  },
  forgetsSpending: {
    what: 'what a sub-key spends is not counted',
    rules: ({ buildBlock }) => ({
      buildBlock(plan) {
        const block = buildBlock(plan);
        const writes = new Map(block.writes);
        for (const [key, value] of block.writes) {
          const { kind, entry } = entryOfPair(key, value);
          if (kind === 'mandate')
            writes.set(key, encodeEntry('mandate', { ...entry, spentNait: 0n }));
        }
        return { ...block, writes };
      },
    }),
  },
};

/** Names of the faults that can be planted here. */
export const marketBugNames: readonly string[] = Object.keys(bugs);

/** A planted fault by its name; none for no name. */
export function marketBug(name: string | undefined): Change | undefined {
  return name === undefined ? undefined : bugs[name];
}
