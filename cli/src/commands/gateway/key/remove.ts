/** `aitbc gateway key remove`: takes a key back. */
import { defineCommand } from '../../../command/define-command.ts';
import { ownerClient } from '../../../gateway/owner-client.ts';

export default defineCommand({
  summary: 'Take an API key back; it opens nothing from then on',
  arguments: [{ name: 'name', help: 'the key' }],
  examples: [{ line: 'aitbc gateway key remove my-agent', note: 'its running calls end as usual' }],
  async run(context, { args }) {
    const gateway = await ownerClient(context);
    const { name } = await gateway.deleteKey({ name: args.name }, { signal: context.signal });
    context.out.result({ name }, () => `Removed: ${name}`);
  },
});
