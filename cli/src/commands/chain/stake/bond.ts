/** `aitbc chain stake bond`: coins behind a validator. */
import { accountIdOf, signStakeProof, unwrap } from '@aitbc/protocol';
import { amountFromInput } from '../../../amounts.ts';
import { ownerOptions, readKeyPair, sendAsOwner } from '../../../chain/sign-as-validator.ts';
import { defineCommand } from '../../../command/define-command.ts';

export default defineCommand({
  summary: 'Put coins behind the key of a validator',
  details:
    'The key signs that the account is its owner, so its file is read here. With the smallest stake or more the validator is in the set from the next epoch on; an old validator gets more stake.',
  arguments: [{ name: 'amount', help: 'in AIT, such as 1000' }],
  options: {
    keyFile: { flags: '--key-file <path>', help: 'validator.key of the node', required: true },
    nait: { flags: '--nait', help: 'the amount is in nait' },
    ...ownerOptions,
  },
  examples: [
    {
      line: 'aitbc chain stake bond 1000 --key-file ~/node/validator.key',
      note: 'the node of that key becomes a validator',
    },
  ],
  async run(context, { args, options }) {
    const stake = amountFromInput(args.amount, options.nait);
    const { publicKey, secretKey } = readKeyPair(options.keyFile);
    const { network } = await (await context.clients()).node.network();
    await sendAsOwner(context, options, {
      kind: 'validator_bond',
      bodyFor: (owner) => ({
        validator: publicKey,
        stake,
        keySignature: signStakeProof(network, unwrap(accountIdOf(owner)), secretKey),
      }),
      next: `Validator ${publicKey} can be in the set from the next epoch on: aitbc chain validators`,
    });
  },
});
