/** `aitbc chain peers`: the nodes around a node. */
import { defineCommand } from '../../command/define-command.ts';
import { latencyText, shortHash } from '../../wording.ts';

export default defineCommand({
  summary: 'Nodes that the node is connected to, and those it tries to reach',
  examples: [{ line: 'aitbc chain peers', note: 'is it alone, and how far are the others' }],
  async run({ out, clients, signal }) {
    const { node } = await clients();
    const found = await node.rpc.net_peers({}, { signal });
    out.result(found, () => {
      if (found.port === null) return 'This node speaks with no other: it is alone in its network.';
      const rows = found.peers.map((peer) => [
        shortHash(peer.publicKey),
        peer.isValidator ? 'validator' : 'follower',
        peer.direction === 'out' ? `to ${peer.remote}` : `from ${peer.remote}`,
        peer.height === null ? '' : String(peer.height),
        peer.rttMs === null ? '' : latencyText(peer.rttMs),
      ]);
      const head = ['node', 'role', 'connection', 'height', 'round trip'];
      const away = found.targets.filter(({ isConnected }) => !isConnected);
      const missing = away.map(
        ({ address, failedTries, fault }) =>
          `${address} is not there after ${failedTries} tries${fault ? ` (${fault})` : ''}.`,
      );
      const table =
        rows.length === 0
          ? 'No other node is connected.'
          : out.table(rows, { head, right: [3, 4] });
      return [table, ...missing].join('\n');
    });
  },
});
