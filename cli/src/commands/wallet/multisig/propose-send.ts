/** `aitbc wallet multisig propose-send`: proposes that a shared account pays. */
import { accountIdOf, multisigProposalIdOf, unwrap } from '@aitbc/protocol';
import { amountFromInput } from '../../../amounts.ts';
import { defineCommand } from '../../../command/define-command.ts';
import { positiveInteger } from '../../../command/parse-values.ts';
import {
  freeSlotOf,
  heldMembers,
  memberFor,
  memberOptions,
  openShared,
  sendAsMember,
  sharedArgument,
} from '../../../wallet/shared-account.ts';

const hourMs = 3_600_000;

export default defineCommand({
  summary: 'Propose that a shared account sends coins; it counts as your approval',
  details: 'The coins move when enough members have approved. Where one is enough, at once.',
  arguments: [
    sharedArgument,
    { name: 'to', help: 'address ait1… of the receiver' },
    { name: 'amount', help: 'in AIT, such as 1.5' },
  ],
  options: {
    hours: {
      flags: '--hours <n>',
      help: 'how long it may be approved, 720 at most',
      default: '168',
      parse: positiveInteger,
    },
    nait: { flags: '--nait', help: 'the amount is in nait' },
    ...memberOptions,
  },
  examples: [
    { line: 'aitbc wallet multisig propose-send team ait1… 25', note: '25 AIT, open for a week' },
  ],
  async run(context, { args, options }) {
    const { out, signal } = context;
    const amount = amountFromInput(args.amount, options.nait);
    const to = unwrap(accountIdOf(args.to));
    const clients = await context.clients();
    const { wallet, node } = clients;
    const view = await openShared(context, wallet, args.shared);
    const from = await memberFor({ context, wallet }, options.account, heldMembers(view));
    const { slot, number } = freeSlotOf(view, from);
    const { timeMs } = await node.rpc.chain_status({}, { signal });
    const body = {
      multisig: unwrap(accountIdOf(view.address)),
      slot,
      expiresAtMs: timeMs + options.hours * hourMs,
      operations: [{ kind: 'transfer' as const, body: { to, amount, memo: '' } }],
    };
    const { network } = await node.network();
    const proposer = unwrap(accountIdOf(from));
    const proposalId = multisigProposalIdOf(network, { ...body, proposer, number });
    const wish = { from, kind: 'multisig_propose', body, isConfirmed: options.yes } as const;
    const { sent, line } = await sendAsMember(context, clients, wish);
    out.result({ ...sent, shared: view.address, proposalId }, () => {
      const isDone = view.threshold === 1;
      const next = isDone
        ? 'One approval is enough: it has happened.'
        : `The others approve it with: aitbc wallet multisig approve ${view.address} ${proposalId.slice(0, 12)}`;
      return `${line}\n${next}`;
    });
  },
});
