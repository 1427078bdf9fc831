/** `aitbc wallet multisig cancel`: takes a proposal, or an approval, back. */
import { accountIdOf, unwrap } from '@aitbc/protocol';
import { defineCommand } from '../../../command/define-command.ts';
import {
  heldMembers,
  memberFor,
  memberOptions,
  openShared,
  proposalArgument,
  proposalNamed,
  sendAsMember,
  sharedArgument,
} from '../../../wallet/shared-account.ts';

export default defineCommand({
  summary: 'Take back a proposal of yours, or your approval of another',
  details: 'One whose time is over may be cleared away by anyone.',
  arguments: [sharedArgument, proposalArgument],
  options: memberOptions,
  examples: [{ line: 'aitbc wallet multisig cancel team 4d0f6a1b2c3d', note: 'shows it and asks' }],
  async run(context, { args, options }) {
    const clients = await context.clients();
    const { wallet } = clients;
    const view = await openShared(context, wallet, args.shared);
    const { multisig, proposer, slot, proposalId, approvals } = proposalNamed(view, args.proposal);
    const held = heldMembers(view);
    const able = [proposer, ...approvals].filter((member) => held.includes(member));
    const from = await memberFor({ context, wallet }, options.account, able);
    const body = {
      multisig: unwrap(accountIdOf(multisig)),
      proposer: unwrap(accountIdOf(proposer)),
      ...{ slot, proposalId },
    };
    const wish = { from, kind: 'multisig_cancel', body, isConfirmed: options.yes } as const;
    const { sent, line } = await sendAsMember(context, clients, wish);
    const whole = from === proposer;
    context.out.result({ ...sent, shared: multisig, proposalId, whole }, () => {
      const what = whole ? 'The proposal is cancelled.' : 'Your approval is taken back.';
      return `${line}\n${what}`;
    });
  },
});
