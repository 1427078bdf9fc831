/** `aitbc backup restore`: puts a backup back where nothing is. */
import { resolve } from 'node:path';
import { defineCommand } from '../../command/define-command.ts';

export default defineCommand({
  summary: 'Put a backup back, after every file of it was checked',
  details:
    'Nothing is overwritten: a data folder that is there is refused. The daemons must be down. What came after the backup is lost for the one who restores, not for the others: see "Backup and restore" in docs/operations.md.',
  arguments: [{ name: 'folder', help: 'the backup' }],
  options: {
    to: {
      flags: '--to <dir>',
      help: 'folder that gets the data folders; the home folder if absent',
    },
    only: { flags: '--only <names>', help: 'only these data folders, separated by commas' },
  },
  examples: [
    { line: 'aitbc backup restore monday', note: 'all of it, to the home folder' },
    {
      line: 'aitbc backup restore monday --only wallet,gateway --to /mnt/new',
      note: 'two of them, to another disk',
    },
  ],
  async run({ out, home, signal }, { args, options }) {
    const { restoreBackup } = await import('../../backup/restore-backup.ts');
    const to = resolve(options.to ?? home);
    const only = options.only?.split(',').map((name) => name.trim());
    const put = await restoreBackup({ folder: resolve(args.folder), to, only, signal });
    out.result(put, () => `${put.files} files of ${put.names.join(', ')} are in ${to}.`);
  },
});
