/** `aitbc node snapshot`: the state of a node as files that others can begin with. */
import { createNodeClient } from '@aitbc/sdk';
import { defineCommand } from '../../command/define-command.ts';
import { openNodeFolder, readAdminToken } from '../../node/node-folder.ts';

export default defineCommand({
  summary: 'Ask a running node for a snapshot of its next block',
  details: 'Needs the admin token in the data folder of the node, and so the rights of its user.',
  arguments: [{ name: 'dir', help: 'folder of the node' }],
  examples: [
    {
      line: 'aitbc node snapshot ~/follower',
      note: 'new nodes can begin with it instead of block 1',
    },
  ],
  async run({ out, signal }, { args }) {
    const folder = openNodeFolder(args.dir);
    const node = createNodeClient({ url: folder.url, adminToken: readAdminToken(folder) });
    try {
      const asked = await node.rpc.admin_snapshot({}, { signal });
      out.result(
        asked,
        () =>
          `Asked for at height ${asked.height}. It is written beside the work of the node, to ${folder.dataDir}/snapshots.`,
      );
    } finally {
      await node.close();
    }
  },
});
