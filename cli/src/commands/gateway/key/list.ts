/** `aitbc gateway key list`: the keys and what they spent today. */
import { defineCommand } from '../../../command/define-command.ts';
import { keyHead, keyRight, keyRow } from '../../../gateway/key-rows.ts';
import { ownerClient } from '../../../gateway/owner-client.ts';

export default defineCommand({
  summary: 'API keys, their limits, and what they spent today',
  examples: [{ line: 'aitbc gateway key list', note: 'all keys; secrets are not kept' }],
  async run(context) {
    const gateway = await ownerClient(context);
    const { out } = context;
    const { keys } = await gateway.listKeys({}, { signal: context.signal });
    out.result({ keys }, () =>
      keys.length === 0
        ? 'No API key: everybody on this machine may spend. Make one with: aitbc gateway key create <name>'
        : out.table(keys.map(keyRow), { head: keyHead, right: keyRight }),
    );
  },
});
