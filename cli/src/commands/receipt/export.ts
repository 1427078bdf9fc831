/** `aitbc receipt export`: everything that proves a paid job, in one file that needs no server. */
import { systemClock } from '@aitbc/primitives';
import { AppError } from '@aitbc/protocol';
import { defineCommand } from '../../command/define-command.ts';
import { assertWritable } from '../../context/read-text-file.ts';
import { exportProof } from '../../receipt/export-proof.ts';
import { writeProof } from '../../receipt/read-proof.ts';
import { counted } from '../../wording.ts';

const idShown = 12;

export default defineCommand({
  summary: 'Write the proof of a paid job to a file that verifies offline',
  details:
    'Offers and receipts come from the gateway, the registered keys of the providers from the node, with the blocks that lead to them from the genesis document or from --trusted-block. What the node says is checked before it is written.',
  arguments: [{ name: 'job', help: 'job id: 64 hex digits' }],
  options: {
    out: { flags: '-o, --out <file>', help: 'where to; default: receipt-<job>.json' },
    genesis: {
      flags: '--genesis <file>',
      help: 'genesis document to begin with; default: that of the home folder',
    },
    trustedBlock: {
      flags: '--trusted-block <height:hash>',
      help: 'block to begin with, for a chain older than its unbonding time',
    },
  },
  examples: [
    {
      line: 'aitbc receipt export <id> --out job.json',
      note: 'then: aitbc receipt verify job.json',
    },
  ],
  async run(context, { args, options }) {
    const jobId = args.job;
    if (!/^[0-9a-f]{64}$/.test(jobId)) {
      const reason = `"${jobId.slice(0, 80)}" is no job id: 64 lower-case hex digits are needed.`;
      throw new AppError('CLI_USAGE', { reason });
    }
    const file = options.out ?? `receipt-${jobId.slice(0, idShown)}.json`;
    assertWritable(file);
    const { proof, job, chain } = await exportProof(
      { context, clock: systemClock },
      jobId,
      options,
    );
    writeProof(file, proof);
    const heights = chain.path.map(({ height }) => height);
    const { outputTokens, charged, parts } = job;
    const facts = { file, jobId, outputTokens, charged, providers: parts.length, blocks: heights };
    context.out.result(facts, () => {
      const what = `${outputTokens} output tokens of ${counted(parts.length, 'provider')}, ${counted(heights.length, 'block')} up to height ${heights.at(-1)}.`;
      return `${context.out.style('bold', `The proof is in ${file}.`)}\n${what}`;
    });
  },
});
