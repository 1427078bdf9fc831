/** `aitbc ai results`: the answer of a job. */
import { AppError, isErrorCode } from '@aitbc/protocol';
import { type Job, readJob } from '../../ai/job-text.ts';
import { aitText } from '../../amounts.ts';
import { defineCommand } from '../../command/define-command.ts';
import { plainText } from '../../context/out.ts';

export default defineCommand({
  summary: 'The answer of a job',
  details: 'Without --wait a job that still runs is an error (JOB_STATE_WRONG).',
  arguments: [{ name: 'jobId', help: 'as `ai submit` printed it' }],
  options: { wait: { flags: '-w, --wait', help: 'until the job has ended' } },
  examples: [
    { line: 'aitbc ai results <job-id> --wait', note: 'the text as soon as it is there' },
    { line: 'aitbc ai results <job-id> --json', note: 'the whole answer with offer and receipt' },
  ],
  async run(context, { args, options }) {
    const { out, signal } = context;
    const { jobId } = args;
    const job = await readJob(context, jobId, options);
    if (job.state !== 'completed') throw errorOfJob(job);
    const { coordinator } = await context.clients();
    const result = await coordinator.jobResult({ jobId }, { signal });
    out.result(result, () => textOf(result.answer));
    const { charged, provider, to } = result.receipt.payload;
    if (!out.json) {
      out.note(out.style('dim', `${to} tokens · ${aitText(charged)} · provider ${provider}`));
    }
  },
});

function errorOfJob({ jobId, state, error }: Job): AppError {
  if (error && isErrorCode(error.code)) {
    return Object.assign(new AppError(error.code, { jobId }), { message: error.message });
  }
  return new AppError('JOB_STATE_WRONG', { jobId, state });
}

/** The text of an OpenAI chat completion; another shape is shown as it is. */
function textOf(answer: unknown): string {
  const completion = answer as { choices?: { message?: { content?: unknown } }[] } | null;
  const content = completion?.choices?.[0]?.message?.content;
  return typeof content === 'string' ? plainText(content) : JSON.stringify(answer, null, 2);
}
