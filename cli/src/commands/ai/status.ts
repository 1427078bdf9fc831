/** `aitbc ai status`: where a job stands. */
import { jobText, readJob } from '../../ai/job-text.ts';
import { defineCommand } from '../../command/define-command.ts';

export default defineCommand({
  summary: 'Where a job stands',
  arguments: [{ name: 'jobId', help: 'as `ai submit` printed it' }],
  options: { wait: { flags: '-w, --wait', help: 'until the job has ended' } },
  examples: [{ line: 'aitbc ai status <job-id> --wait', note: 'returns when it has ended' }],
  async run(context, { args, options }) {
    const job = await readJob(context, args.jobId, options);
    context.out.result(job, () => jobText(context.out, job));
  },
});
