/** `aitbc task post`: work for a reward. */
import { hex } from '@aitbc/primitives';
import { AppError, agentExtensionUri, type Hex, zAgentFacts } from '@aitbc/protocol';
import { readAgentKey } from '../../agent/agent-key.ts';
import { amountFromInput } from '../../amounts.ts';
import { defineCommand } from '../../command/define-command.ts';
import { decimal } from '../../command/parse-values.ts';
import type { Context } from '../../context/context.ts';
import { readTextFile } from '../../context/read-text-file.ts';
import { chainNowMs, ownTasks, stepOptions, tellStep } from '../../task/task-tools.ts';

const hourMs = 3_600_000;

export default defineCommand({
  summary: 'Post a task: the reward leaves your account and waits in escrow',
  details:
    'The file says what is to be done, and is public. Until the deadline a worker may accept and submit; then you have the time of the review to approve or to dispute. Silence has a date at every step: nobody in time gives the reward back to you, no word from you pays the worker, no word from the arbiter gives it back to you. Without an arbiter a result cannot be disputed.',
  arguments: [{ name: 'file', help: 'what is to be done, as text' }],
  options: {
    reward: { flags: '--reward <ait>', help: 'what the worker gets', required: true },
    title: { flags: '--title <text>', help: 'one line; default: the first line of the file' },
    skill: { flags: '-s, --skill <skill>', help: 'what a worker must be able to do' },
    worker: { flags: '-w, --worker <address>', help: 'who shall do it; default: whoever accepts' },
    arbiter: { flags: '--arbiter <address>', help: 'who decides a dispute' },
    deadlineHours: {
      flags: '--deadline-hours <n>',
      help: 'time until the result has to be there, default 24',
      parse: decimal,
    },
    reviewHours: {
      flags: '--review-hours <n>',
      help: 'your time to look at it, default 24',
      parse: decimal,
    },
    private: {
      flags: '--private',
      help: 'the result is sealed to your key of `aitbc message key`, and to the arbiter',
    },
    nait: { flags: '--nait', help: 'the reward is in nait' },
    ...stepOptions,
  },
  examples: [
    {
      line: 'aitbc task post brief.md --reward 2 --skill translate --deadline-hours 6',
      note: 'for whoever accepts it first',
    },
    {
      line: 'aitbc task post brief.md --reward 2 --worker ait1… --arbiter ait1… --private --yes',
      note: 'for one agent, with an arbiter; only the three of you can read the result',
    },
  ],
  async run(context, { args, options }) {
    const text = readTextFile(args.file);
    const { worker, arbiter, skill } = options;
    const sealTo = options.private ? await readersOf(context, arbiter) : undefined;
    const rewardNait = amountFromInput(options.reward, options.nait);
    const nowMs = await chainNowMs(context);
    const { tasks } = await ownTasks(context, options);
    const done = await tasks.post(
      {
        spec: { title: options.title ?? titleOf(text), skill, text, sealTo },
        rewardNait,
        deadlineMs: Math.round(nowMs + (options.deadlineHours ?? 24) * hourMs),
        reviewMs: Math.round((options.reviewHours ?? 24) * hourMs),
        worker,
        arbiter,
      },
      { signal: context.signal },
    );
    await tellStep(context, tasks, done);
  },
});

const titleMax = 100;

function titleOf(text: string): string {
  const line =
    text
      .trim()
      .split('\n', 1)[0]
      ?.replace(/^#+\s*/, '')
      .trim() ?? '';
  if (line === '') throw new AppError('CLI_USAGE', { reason: 'The file holds no text.' });
  return [...line].slice(0, titleMax).join('');
}

/** Keys of who may read the result: the own one, and the one in the arbiter's card. */
async function readersOf(context: Context, arbiter: string | undefined): Promise<Hex[]> {
  const own = readAgentKey(context.home);
  if (!own) {
    const reason = 'There is no key to seal the result to. Make one with: aitbc message key';
    throw new AppError('CLI_USAGE', { reason });
  }
  const keys = [hex(own.publicKey)];
  if (arbiter === undefined) return keys;
  const { coordinator } = await context.clients();
  const { card } = await coordinator.getAgent({ address: arbiter }, { signal: context.signal });
  const params = card?.capabilities.extensions?.find(({ uri }) => uri === agentExtensionUri);
  const key = zAgentFacts.safeParse(params?.params).data?.messageKey;
  if (key !== undefined) return [...keys, key];
  const reason = `The card of the arbiter ${arbiter} names no key, so it could not read a sealed result.`;
  throw new AppError('CLI_USAGE', { reason });
}
