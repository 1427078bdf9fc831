/** `aitbc gateway log`: who asked for what, and what it cost. */
import { AppError } from '@aitbc/protocol';
import { defineCommand } from '../../command/define-command.ts';
import type { Context } from '../../context/context.ts';
import { jobHead, jobLine, jobRight, jobRow, type LoggedJob } from '../../gateway/job-rows.ts';
import { ownerClient } from '../../gateway/owner-client.ts';

const followEveryMs = 1_000;
const linesMax = 100;

export default defineCommand({
  summary: 'Requests of the gateway: key, model, tokens, cost, providers',
  details:
    'Prompts and answers are not in it: the gateway does not keep them. With --follow a request is shown when it has ended, until Ctrl-C.',
  options: {
    limit: {
      flags: '-n, --limit <count>',
      help: 'how many, newest first',
      default: '20',
      parse: countOf,
    },
    follow: { flags: '-f, --follow', help: 'go on with new ones' },
  },
  examples: [
    { line: 'aitbc gateway log', note: 'the newest 20 requests' },
    { line: 'aitbc gateway log --follow --json', note: 'one JSON object a line, as requests end' },
  ],
  async run(context, { options }) {
    const gateway = await ownerClient(context);
    const { out, signal } = context;
    const read = async (limit: number) => (await gateway.log({ limit }, { signal })).jobs;
    if (options.follow) return follow(context, read, options.limit);
    const jobs = await read(options.limit);
    out.result({ jobs }, () =>
      jobs.length === 0
        ? 'Nothing was bought through this gateway yet.'
        : out.table(jobs.map(jobRow), { head: jobHead, right: jobRight }),
    );
  },
});

function countOf(text: string, flag: string): number {
  const count = Number(text);
  if (Number.isInteger(count) && count >= 1 && count <= linesMax) return count;
  throw new AppError('CLI_USAGE', { reason: `${flag} must be a number from 1 to ${linesMax}` });
}

/** Shows what has ended, oldest first; then what ends from now on. */
async function follow(
  { out, signal }: Context,
  read: (limit: number) => Promise<readonly LoggedJob[]>,
  first: number,
): Promise<void> {
  const shown = new Set<string>();
  for (let isFirst = true; !signal.aborted; isFirst = false) {
    const ended = (await read(linesMax)).filter(({ state }) => state === 'ended');
    const fresh = ended.filter(({ jobId }) => !shown.has(jobId));
    for (const job of fresh.slice(0, isFirst ? first : linesMax).reverse()) {
      out.event(job, () => jobLine(job));
    }
    // What the newest page no longer has cannot come again.
    shown.clear();
    for (const { jobId } of ended) shown.add(jobId);
    await pause(followEveryMs, signal);
  }
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener('abort', done, { once: true });
  });
}
