/** `aitbc wallet multisig approve`: agrees to a proposal. */
import { accountIdOf, unwrap } from '@aitbc/protocol';
import { defineCommand } from '../../../command/define-command.ts';
import {
  memberFor,
  memberOptions,
  openShared,
  proposalArgument,
  proposalNamed,
  sendAsMember,
  sharedArgument,
} from '../../../wallet/shared-account.ts';

export default defineCommand({
  summary: 'Agree to what a shared account should do, after reading it',
  details:
    'The wallet reads the proposal, checks that it is the one that is signed, and shows it in words. With the last approval that is needed it happens, and all that it changes is shown before.',
  arguments: [sharedArgument, proposalArgument],
  options: memberOptions,
  examples: [
    { line: 'aitbc wallet multisig approve team 4d0f6a1b2c3d', note: 'shows it and asks' },
  ],
  async run(context, { args, options }) {
    const clients = await context.clients();
    const { wallet } = clients;
    const view = await openShared(context, wallet, args.shared);
    const proposal = proposalNamed(view, args.proposal);
    const { multisig, proposer, slot, proposalId } = proposal;
    const from = await memberFor({ context, wallet }, options.account, proposal.heldMembers);
    const body = {
      multisig: unwrap(accountIdOf(multisig)),
      proposer: unwrap(accountIdOf(proposer)),
      ...{ slot, proposalId },
    };
    const wish = { from, kind: 'multisig_approve', body, isConfirmed: options.yes } as const;
    const { sent, line } = await sendAsMember(context, clients, wish);
    const missing = view.threshold - proposal.approvals.length - 1;
    context.out.result({ ...sent, shared: multisig, proposalId, missing }, () => {
      const next =
        missing > 0 ? `${missing} more must agree.` : 'That was enough: it has happened.';
      return `${line}\n${next}`;
    });
  },
});
