/** `aitbc backup create`: copies what daemons keep, while they run. */
import { resolve } from 'node:path';
import { defineCommand } from '../../command/define-command.ts';

export default defineCommand({
  summary: 'Copy what daemons keep to a new folder, while they run',
  details:
    'Without --data-dir these are the daemons of the home folder. The chain and the votes of a node are left out: a node fetches the chain from others, and votes are never restored. The copy holds keys: keep it where you would keep them. PostgreSQL has pg_dump.',
  arguments: [{ name: 'folder', help: 'folder to make; it must not exist' }],
  options: {
    dataDir: {
      flags: '--data-dir <dirs>',
      help: 'data folders of daemons, separated by commas, in place of those of the home folder',
    },
  },
  examples: [
    { line: 'aitbc backup create monday', note: 'every daemon of the home folder' },
    {
      line: 'aitbc backup create monday --data-dir /var/lib/private/aitbc-gateway',
      note: 'one daemon of a server',
    },
  ],
  async run({ out, home, signal }, { args, options }) {
    const { createBackup } = await import('../../backup/create-backup.ts');
    const { sourcesOf, sourcesOfHome } = await import('../../backup/sources.ts');
    const sources =
      options.dataDir === undefined ? sourcesOfHome(home) : sourcesOf(options.dataDir.split(','));
    const folder = resolve(args.folder);
    const made = await createBackup({ folder, sources, signal });
    out.result(made, () =>
      [
        `${made.files} files, ${made.bytes} bytes of ${made.names.join(', ')} are in ${folder}.`,
        ...(made.leftOut.length === 0 ? [] : [`Left out: ${made.leftOut.join(', ')}.`]),
      ].join('\n'),
    );
  },
});
