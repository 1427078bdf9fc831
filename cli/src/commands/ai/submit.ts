/** `aitbc ai submit`: a paid job that runs without this terminal. */
import { chatOptions, chatRequestFor } from '../../ai/chat-request.ts';
import { jobText } from '../../ai/job-text.ts';
import { defineCommand } from '../../command/define-command.ts';

export default defineCommand({
  summary: 'Hand in a paid job and come back for its result',
  details:
    'One voucher pays for the whole job. The same --key with the same question is the same job and is charged once.',
  arguments: [{ name: 'prompt', help: 'what to ask, in quotes', required: false }],
  options: {
    ...chatOptions,
    key: { flags: '--key <text>', help: 'your own name for this job, so that repeats are safe' },
  },
  examples: [
    { line: 'aitbc ai submit "Summarise this" --file report.txt', note: 'prints the job id' },
    { line: 'aitbc ai submit "Ten names for a cat" --key cats-1', note: 'safe to repeat' },
  ],
  async run(context, { args, options }) {
    const { out, signal } = context;
    const request = await chatRequestFor(context, { prompt: args.prompt, options });
    const { gateway } = await context.clients();
    const key = options.key === undefined ? {} : { idempotencyKey: options.key };
    const job = await gateway.submitJob({ ...request, ...key }, { signal });
    out.result(
      job,
      () => `${jobText(out, job)}\n\nIts result:\n  aitbc ai results ${job.jobId} --wait`,
    );
  },
});
