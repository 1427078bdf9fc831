/** `aitbc ai bench`: measure the own provider. */
import { benchText } from '../../ai/owner/bench-text.ts';
import { findServed, providerOwner } from '../../ai/owner/served.ts';
import { defineCommand } from '../../command/define-command.ts';

/** A model may take two minutes, and a provider may sell several. */
const benchMs = 900_000;

export default defineCommand({
  summary: 'Measure the models of your provider',
  details:
    'Prefill with prompts nobody has seen, decoding of one stream, and 1, 2, 4, 8 streams at once, by the clock of the daemon. A paid job ends it: jobs go first. The slots hold from the next start, unless they are set.',
  arguments: [{ name: 'model', help: 'only this one', required: false }],
  options: { dataDir: { flags: '--data-dir <dir>', help: 'folder of the provider' } },
  examples: [
    { line: 'aitbc ai bench', note: 'every model your provider sells' },
    { line: 'aitbc ai bench qwen3:8b --json', note: 'one model, all figures' },
  ],
  async run(context, { args, options }) {
    const { out, signal } = context;
    const client = await providerOwner(context, findServed(context, options.dataDir), benchMs);
    const waiting = out.progress('measuring');
    try {
      const result = await client.bench({ model: args.model }, { signal });
      waiting.done();
      out.result(result, () => benchText(out, result.benchmarks));
    } finally {
      waiting.done();
    }
  },
});
