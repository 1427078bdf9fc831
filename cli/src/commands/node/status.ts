/** `aitbc node status`: how a node takes part. */
import { createNodeClient, type NodeClient } from '@aitbc/sdk';
import { defineCommand } from '../../command/define-command.ts';
import type { Context } from '../../context/context.ts';
import { diskBytesOf } from '../../node/disk-use.ts';
import { type NodeFolder, openNodeFolder } from '../../node/node-folder.ts';
import { rulesText } from '../../node/rules-text.ts';
import { counted, durationText } from '../../wording.ts';

export default defineCommand({
  summary: 'Height, epoch, role, peers and sync of a node; of a folder also its disk',
  arguments: [
    { name: 'dir', help: 'folder of a node; without it the node at --node-url', required: false },
  ],
  examples: [
    { line: 'aitbc node status', note: 'the node that the other commands ask' },
    { line: 'aitbc node status ~/follower', note: 'the node of a folder, with its disk and key' },
  ],
  async run(context, { args }) {
    const folder = args.dir === undefined ? undefined : openNodeFolder(args.dir);
    const found = await look(context, folder);
    const { out } = context;
    out.result(found, () => {
      const { status, state, peers } = found;
      const behind = state.peerHeight - state.height;
      const rows = [
        ['network', `${status.network} (${status.caip2})`],
        ['height', `${status.height}, ${durationText(status.headAgeMs)} old`],
        ['epoch', `${state.epoch}, until height ${state.lastHeight}`],
        ['view', String(state.view)],
        ['role', roleText(state)],
        ['rules', rulesText(state)],
        ['key', state.self],
        ['sync', state.syncing ? `${behind} blocks behind` : 'up to date'],
        ['peers', counted(peers, 'node')],
        ['waiting', counted(status.waitingTxs, 'transaction')],
      ];
      if (folder && found.diskBytes !== null) {
        rows.push(['disk', `${(found.diskBytes / 1e6).toFixed(1)} MB in ${folder.dataDir}`]);
        rows.push(['key file', folder.keyFile]);
      }
      return out.table(rows);
    });
  },
});

async function look(context: Context, folder: NodeFolder | undefined) {
  if (!folder) return { ...(await ask((await context.clients()).node, context)), diskBytes: null };
  const node = createNodeClient({ url: folder.url });
  try {
    return { ...(await ask(node, context)), diskBytes: await diskBytesOf(folder.dataDir) };
  } finally {
    await node.close();
  }
}

async function ask({ rpc }: NodeClient, { signal }: Context) {
  const [status, state, net] = await Promise.all([
    rpc.chain_status({}, { signal }),
    rpc.consensus_state({}, { signal }),
    rpc.net_peers({}, { signal }),
  ]);
  return { status, state, peers: net.peers.length };
}

function roleText({ role, mayVote, halted }: { role: string; mayVote: boolean; halted: boolean }) {
  if (halted) return 'stopped: this program cannot go on with this chain';
  return role === 'validator' && !mayVote ? 'validator, silent until its old votes are past' : role;
}
