/** `aitbc message key`: the key that letters are signed with and sealed to. */
import { hex } from '@aitbc/primitives';
import { addressOf } from '@aitbc/protocol';
import { aitText } from '../../amounts.ts';
import { defineCommand } from '../../command/define-command.ts';
import { openMessageKey } from '../../message/message-key.ts';

export default defineCommand({
  summary: 'The key of your letters; makes it the first time',
  details:
    'Letters have a key of their own, in a file of the home folder: the wallet signs transactions and nothing else. Whoever has the file reads your letters and writes in your name; it moves no coin of the wallet. A coordinator takes letters from keys whose account holds 0.001 AIT or more, so send it a little.',
  examples: [{ line: 'aitbc message key', note: 'where letters to you go' }],
  async run(context) {
    const { out, signal } = context;
    const { keys, file, isNew } = openMessageKey(context.home);
    const publicKey = hex(keys.publicKey);
    const address = addressOf(publicKey);
    const { node } = await context.clients();
    const { balance } = await node.rpc.state_getAccount({ address }, { signal });
    out.result({ address, publicKey, file, isNew, balance }, () =>
      [
        isNew ? 'A new key for letters was made.' : 'The key of your letters:',
        `address  ${address}`,
        `key      ${publicKey}`,
        `file     ${file}`,
        `balance  ${aitText(balance)}`,
        ...(balance === '0' ? [`To write letters: aitbc wallet send ${address} 0.01`] : []),
      ].join('\n'),
    );
  },
});
