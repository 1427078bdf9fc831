/**
 * Who paid what to whom, to the nait. Rewards, allowances and fees are read from the final blocks; inference comes from the
 * bills, because providers claim later what vouchers promise them. The books must balance for every account:
 *
 *   opening + what came in − what went out = closing
 */

/** Coins of an account: balance, vault, and what its channels hold beyond the claims and the bills. */
async function holdingOf(node, address) {
  const { balance, vault } = await node.rpc.state_getAccount({ address });
  let channelsNait = 0n;
  for (let after; ; ) {
    const page = await node.rpc.state_listChannels({ payer: address, ...(after && { after }) });
    for (const row of page.channels) channelsNait += BigInt(row.balance) - BigInt(row.totalClaimed);
    if (!page.next) break;
    after = page.next;
  }
  return BigInt(balance) + BigInt(vault) + channelsNait;
}

/** What providers have claimed from the channels of an account. */
async function claimedFrom(node, address) {
  const { channels } = await node.rpc.state_listChannels({ payer: address });
  return channels.reduce((sum, { totalClaimed }) => sum + BigInt(totalClaimed), 0n);
}

/** Height and coins of the accounts now. */
export async function openBooks(node, parties) {
  const { header } = await node.rpc.chain_getHeader({});
  const opening = new Map();
  for (const { name, address } of parties) opening.set(name, await holdingOf(node, address));
  return { height: header.height, opening };
}

/** Payments of the parties in the blocks after a height. */
async function paymentsSince(node, height, nameOf) {
  const payments = [];
  const { header: newest } = await node.rpc.chain_getHeader({});
  const pay = (from, to, what, nait) => payments.push({ from, to, what, nait });
  for (let at = height + 1; at <= newest.height; at += 1) {
    const { txs, receipts } = await node.rpc.chain_getBlock({ height: at });
    for (const [index, { kind, from, body }] of txs.entries()) {
      const sender = nameOf(from);
      if (!sender) continue;
      pay(sender, 'network', 'fee', BigInt(receipts[index].fee));
      if (kind === 'mandate_transfer') {
        pay(nameOf(body.owner), nameOf(body.to) ?? body.to, 'allowance', BigInt(body.amount));
      }
      if (kind === 'task_approve') {
        const task = await node.rpc.state_getTask({ taskId: body.taskId });
        pay(nameOf(task.poster), nameOf(task.worker), 'reward', BigInt(task.workerShareNait));
      }
    }
  }
  return { payments, newestHeight: newest.height };
}

/** The whole ledger. `bills` are those of each party; the planner's are paid by the owner. */
export async function closeBooks(node, { parties, books, bills }) {
  const nameOf = (address) => parties.find((party) => party.address === address)?.name;
  const { payments, newestHeight } = await paymentsSince(node, books.height, nameOf);
  for (const { payer, provider, chargedNait } of bills) {
    payments.push({ from: payer, to: provider, what: 'inference', nait: chargedNait });
  }
  const accounts = [];
  for (const { name, address } of parties) {
    const openingNait = books.opening.get(name);
    const billedNait = sumOf(bills.filter(({ payer }) => payer === name), 'chargedNait');
    const claimedNait = await claimedFrom(node, address);
    // what is billed and not claimed yet still lies in the channel, and is the provider's
    const closingNait = (await holdingOf(node, address)) - (billedNait - claimedNait);
    const inNait = sumOf(payments.filter(({ to }) => to === name), 'nait');
    const outNait = sumOf(payments.filter(({ from }) => from === name), 'nait');
    const isBalanced = openingNait + inNait - outNait === closingNait;
    accounts.push({ name, address, openingNait, inNait, outNait, closingNait, isBalanced });
  }
  const isBalanced = accounts.every((account) => account.isBalanced);
  return { fromHeight: books.height, toHeight: newestHeight, payments, accounts, isBalanced };
}

const sumOf = (rows, key) => rows.reduce((sum, row) => sum + row[key], 0n);

/** The ledger as text. */
export function ledgerText({ payments, accounts, isBalanced }) {
  const sums = new Map();
  for (const { from, to, what, nait } of payments) {
    const key = `${from.padEnd(11)} ${what.padEnd(10)} ${to.slice(0, 16).padEnd(17)}`;
    sums.set(key, (sums.get(key) ?? 0n) + nait);
  }
  const amount = (nait) => nait.toString().padStart(16);
  const lines = [...sums].map(([key, nait]) => `${key}${amount(nait)}`);
  const rows = accounts.map(
    ({ name, openingNait, inNait, outNait, closingNait, isBalanced: isGood }) =>
      `${name.padEnd(11)}${amount(openingNait)}${amount(inNait)}${amount(outNait)}${amount(closingNait)}  ${isGood ? 'ok' : 'WRONG'}`,
  );
  const head = `${''.padEnd(11)}${['opening', 'in', 'out', 'closing'].map((word) => word.padStart(16)).join('')}`;
  const verdict = isBalanced ? 'balanced to the nait' : 'NOT BALANCED';
  return ['Payments, nait', ...lines, '', 'Accounts, nait', head, ...rows, '', verdict].join('\n');
}
