/** `aitbc node reset`: forgets the chain of a node. */
import { AppError } from '@aitbc/protocol';
import { defineCommand } from '../../command/define-command.ts';
import { runDaemonOnce } from '../../devnet/daemon-process.ts';
import { openNodeFolder } from '../../node/node-folder.ts';

const danger =
  'The journal of votes goes too. A validator whose key forgets what it signed can contradict itself and lose part of its stake; it stays silent for more than an epoch before it votes again.';

export default defineCommand({
  summary: 'Delete the chain of a node that is down, so that it fetches it anew',
  details:
    'Keys, settings and the journal of votes stay. A chain of one node has nobody to fetch it from: then everything is gone.',
  arguments: [{ name: 'dir', help: 'folder of the node' }],
  options: {
    all: { flags: '--all', help: 'the journal of votes as well: read the warning' },
    yes: { flags: '-y, --yes', help: 'do not ask' },
  },
  examples: [
    { line: 'aitbc node reset ~/follower --yes', note: 'blocks, database and snapshots go' },
  ],
  async run({ out, ask }, { args, options }) {
    const { dataDir } = openNodeFolder(args.dir);
    if (options.all) out.note(danger);
    if (!options.yes) {
      if (!ask.isPossible) {
        throw new AppError('CLI_USAGE', { reason: 'Nothing was deleted. Say --yes to delete.' });
      }
      const isSure = await ask.confirm(`Delete the chain in ${dataDir}?`);
      if (!isSure) throw new AppError('CANCELLED');
    }
    const said = await runDaemonOnce('node', [
      '--reset',
      dataDir,
      ...(options.all ? ['--all'] : []),
    ]);
    const { deleted } = JSON.parse(said) as { deleted: string[] };
    out.result({ dataDir, deleted }, () =>
      deleted.length === 0 ? 'There was nothing to delete.' : `Deleted: ${deleted.join(', ')}.`,
    );
  },
});
