/** `aitbc ai cancel`: takes back a job that has not begun. */
import { jobText } from '../../ai/job-text.ts';
import { defineCommand } from '../../command/define-command.ts';

export default defineCommand({
  summary: 'Take back a job that has not begun; nothing is charged for it',
  details: 'A job that runs already is paid as far as it gets, and is not cancelled.',
  arguments: [{ name: 'jobId', help: 'as `ai submit` printed it' }],
  examples: [{ line: 'aitbc ai cancel <job-id>', note: 'the job ends as cancelled' }],
  async run({ out, clients, signal }, { args }) {
    const { coordinator } = await clients();
    const job = await coordinator.cancelJob({ jobId: args.jobId }, { signal });
    out.result(job, () => jobText(out, job));
  },
});
