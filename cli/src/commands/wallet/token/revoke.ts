/** `aitbc wallet token revoke`: ends a token. */
import { defineCommand } from '../../../command/define-command.ts';

export default defineCommand({
  summary: 'Revoke a token at once',
  details: 'What it already had signed stays valid.',
  arguments: [{ name: 'tokenId', help: 'id of the token (aitbc wallet token list)' }],
  examples: [
    { line: 'aitbc wallet token revoke 5f0c2b7a91d3e468', note: 'from now on it is dead' },
  ],
  async run(context, { args: { tokenId } }) {
    const { wallet } = await context.clients();
    await wallet.deleteToken({ tokenId }, { signal: context.signal });
    context.out.result({ tokenId }, () => `Token ${tokenId} is revoked.`);
  },
});
