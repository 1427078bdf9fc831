/** `aitbc node join`: a node of a network that runs. */
import { ports } from '@aitbc/protocol';
import { defineCommand } from '../../command/define-command.ts';
import { positiveInteger } from '../../command/parse-values.ts';

export default defineCommand({
  summary: 'Make a node that follows a network, with a key of its own',
  arguments: [{ name: 'dir', help: 'folder to make' }],
  options: {
    genesis: { flags: '--genesis <file>', help: 'document of the network', required: true },
    peer: {
      flags: '--peer <addresses>',
      help: 'host:port of nodes of the network, separated by commas; key@host:port for a certain one',
      required: true,
    },
    port: {
      flags: '--port <n>',
      help: 'port of its RPC',
      default: String(ports.node),
      parse: positiveInteger,
    },
    meshPort: {
      flags: '--mesh-port <n>',
      help: 'port for other nodes',
      default: String(ports.mesh),
      parse: positiveInteger,
    },
    meshHost: {
      flags: '--mesh-host <address>',
      help: 'address to listen on for other nodes',
      default: '127.0.0.1',
    },
  },
  examples: [
    {
      line: 'aitbc node join ~/follower --genesis genesis.json --peer 10.0.0.7:9006',
      note: 'it fetches the chain and follows; it does not vote',
    },
  ],
  async run({ out }, { args, options }) {
    const { makeFollower } = await import('../../node/make-nodes.ts');
    const { genesis: genesisFile, peer, port, meshPort, meshHost } = options;
    const peers = peer.split(',').map((one) => one.trim());
    const made = makeFollower(args.dir, { genesisFile, peers, port, meshPort, meshHost });
    out.result(made, () =>
      [
        out.table([
          ['network', `${made.network.name} (${made.network.caip2})`],
          ['public key', made.publicKey],
          ['settings', made.settingsFile],
          ['data', made.dataDir],
        ]),
        '',
        `Start it: aitbc node run ${args.dir}`,
        'It follows the chain. To make it a validator, put coins behind its key:',
        `  aitbc chain stake bond <ait> --key-file ${made.keyFile}`,
        'The stake counts from the next epoch on, and it is lost in part when the key signs twice: never',
        'run the same key in two places.',
      ].join('\n'),
    );
  },
});
