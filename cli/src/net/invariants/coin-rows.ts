/** Rows about coins: what the chain counts, what was claimed, what comes back. */
import { amountOf, asAppError } from '@aitbc/protocol';
import type { InvariantRow } from '../contract.ts';
import type { Evidence } from './evidence.ts';
import { rowOf } from './row.ts';

/** The rows. */
export async function coinRows(evidence: Evidence): Promise<InvariantRow[]> {
  return [
    stuckRow(evidence),
    claimsRow(evidence),
    vouchersRow(evidence),
    booksRow(evidence),
    exitsRow(evidence),
    tasksRow(evidence),
    await spendsRow(evidence),
  ];
}

function stuckRow({ coins }: Evidence): InvariantRow {
  const claim = 'every locked coin has an owner or a dated exit (state_audit of every node)';
  return rowOf({ name: 'no stuck coin', claim }, coins, ([name, { problems }]) =>
    problems.length === 0 ? undefined : `${name}: ${problems.slice(0, 3).join('; ')}`,
  );
}

/** What each honest claimer was paid, channel by channel. */
function claimsRow({ sellers, channels, facts }: Evidence): InvariantRow {
  const rows = facts.providers
    .filter(({ role }) => role !== 'claimsEarly')
    .flatMap(({ name }) => {
      const { channels: own = [], jobs = [] } = sellers.get(name) ?? {};
      return own.map((channel) => ({ name, channel, jobs }));
    });
  const claim = 'what the chain paid on a channel is the sum of what its jobs were charged, once';
  return rowOf({ name: 'charged exactly once', claim }, rows, ({ name, channel, jobs }) => {
    const { channelId } = channel;
    const due = jobs
      .filter((job) => job.channelId === channelId)
      .reduce((sum, { charged }) => sum + charged, 0n);
    const paid = amountOf(channels.get(channelId)?.totalClaimed ?? '0');
    if (paid === due) return undefined;
    return `${name}, channel ${channelId.slice(0, 8)}: ${paid} nait paid, ${due} charged`;
  });
}

/** No claim goes beyond the best voucher that the buyer signed. */
function vouchersRow({ books, gateways, channels }: Evidence): InvariantRow {
  const ofAgents = books.buyers.flatMap(({ name, channels: rows }) =>
    rows.map(({ channelId, signedMax }) => ({ name, channelId, signedMax })),
  );
  const ofGateways = [...gateways].flatMap(([name, spend]) =>
    spend.channels.map(({ channelId, signedMax }) => {
      return { name, channelId, signedMax: amountOf(signedMax) };
    }),
  );
  const claim = 'no provider, honest or not, was paid more than its buyer signed';
  const all = [...ofAgents, ...ofGateways];
  return rowOf({ name: 'claims within vouchers', claim }, all, (row) => {
    const paid = amountOf(channels.get(row.channelId)?.totalClaimed ?? '0');
    if (paid <= row.signedMax) return undefined;
    return `${row.name}, channel ${row.channelId.slice(0, 8)}: ${paid} paid, ${row.signedMax} signed`;
  });
}

/** The books of both sides of a channel say the same, once no call is open. */
function booksRow({ books, channels, facts }: Evidence): InvariantRow {
  const early = new Set(
    facts.providers.filter(({ role }) => role === 'claimsEarly').map(({ keys }) => keys.address),
  );
  const rows = books.buyers
    .filter(({ isGone }) => !isGone)
    .flatMap(({ name, channels: own, calls }) => own.map((channel) => ({ name, channel, calls })))
    .filter(({ channel }) => channel.status === 'open' && !early.has(channel.provider));
  const claim =
    'buyer and chain agree to the nait on what a channel has paid, but for calls that are still open';
  return rowOf({ name: 'both books agree', claim }, rows, ({ name, channel, calls }) => {
    const open = calls
      .filter(({ channelId, status }) => channelId === channel.channelId && status !== 'settled')
      .reduce((sum, { reserved }) => sum + reserved, 0n);
    const paid = amountOf(channels.get(channel.channelId)?.totalClaimed ?? '0');
    if (paid >= channel.settled && paid <= channel.settled + open) return undefined;
    const told = `${paid} paid, ${channel.settled} settled, ${open} open`;
    return `${name}, channel ${channel.channelId.slice(0, 8)} to ${channel.provider}: ${told}`;
  });
}

function exitsRow({ books }: Evidence): InvariantRow {
  const claim = 'whoever withdrew from a channel has the rest back after the delay';
  return rowOf({ name: 'withdrawals come back', claim }, books.notes.exits, (exit) => {
    if (exit.isBack) return undefined;
    return `${exit.agent}, channel ${exit.channelId.slice(0, 8)}: ${exit.reason}`;
  });
}

function tasksRow({ books }: Evidence): InvariantRow {
  const claim = 'every task has ended: paid to its worker when approved, else back with its giver';
  return rowOf({ name: 'tasks end', claim }, books.notes.tasks, (task) => {
    const paid = task.ending === 'approved' ? task.rewardNait : 0n;
    if (task.isReached && task.paidNait === paid) return undefined;
    if (task.isReached) return `${task.agent}, ${task.ending} task: ${task.paidNait} nait paid`;
    return `${task.agent}, task ${task.taskId.slice(0, 8)}, to be ${task.ending}: ${task.reason}`;
  });
}

async function spendsRow({ books, node }: Evidence): Promise<InvariantRow> {
  const rows = await Promise.all(
    books.notes.spends.map(async (spend) => {
      const finals = await Promise.all(spend.txIds.map((txId) => isFinal(txId)));
      return { spend, finals: finals.filter(Boolean).length };
    }),
  );
  async function isFinal(txId: string): Promise<boolean> {
    try {
      return (await node.rpc.tx_get({ txId })).status === 'final';
    } catch (error) {
      const { code, row } = asAppError(error);
      if (!row.retryable || code.startsWith('TX_')) return false; // unknown, or refused since
      throw error;
    }
  }
  const claim = 'of transactions that spend the same coins one becomes final at most';
  return rowOf({ name: 'no double spend', claim }, rows, ({ spend, finals }) =>
    finals <= spend.allowed ? undefined : `${spend.agent}, ${spend.what}: ${finals} are final`,
  );
}
