/** `aitbc node init`: a fresh network. */
import { defineCommand } from '../../command/define-command.ts';
import { positiveInteger } from '../../command/parse-values.ts';

export default defineCommand({
  summary: 'Make a fresh network: genesis document, keys, one folder for each validator',
  details:
    'The folders are for one machine; to spread them, copy each to its machine and write the addresses of the others into its node.toml. Nothing that exists is overwritten.',
  arguments: [{ name: 'dir', help: 'folder to make' }],
  options: {
    validators: {
      flags: '--validators <n>',
      help: 'from 4 on the chain survives the loss of one',
      default: '1',
      parse: positiveInteger,
    },
  },
  examples: [
    { line: 'aitbc node init ~/chain', note: 'a chain of one node' },
    { line: 'aitbc node init ~/chain --validators 4', note: 'one that survives the loss of one' },
  ],
  async run({ out }, { args, options }) {
    const { makeNetwork } = await import('../../node/make-nodes.ts');
    const made = await makeNetwork(args.dir, options.validators);
    out.result(made, () => {
      const facts = out.table([
        ['genesis', made.genesisHash],
        ['document', made.genesisFile],
        ['faucet', made.faucetAddress],
      ]);
      const starts = made.nodes.map(
        ({ settingsFile }) => `  aitbc node run ${settingsFile.replace(/\/node\.toml$/, '')}`,
      );
      return [facts, '', 'Each runs in a terminal of its own:', ...starts].join('\n');
    });
  },
});
