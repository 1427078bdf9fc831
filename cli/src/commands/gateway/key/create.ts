/** `aitbc gateway key create`: a key for one program, with limits of its own. */
import { aitText, amountFromInput } from '../../../amounts.ts';
import { defineCommand } from '../../../command/define-command.ts';
import { ownerClient } from '../../../gateway/owner-client.ts';

export default defineCommand({
  summary: 'Make an API key; from the first one on every call of the gateway needs one',
  details:
    'The secret is shown once. Programs send it as their OPENAI_API_KEY, ANTHROPIC_API_KEY or Authorization header. Limits of a key narrow those of the gateway.',
  arguments: [{ name: 'name', help: 'small letters, digits and hyphens' }],
  options: {
    dayMax: { flags: '--day-max <ait>', help: 'most it may spend on one UTC day' },
    jobMax: { flags: '--job-max <ait>', help: 'most that one call may cost' },
    models: {
      flags: '--models <names>',
      help: 'models it may use, with commas; all when left out',
    },
    nait: { flags: '--nait', help: 'amounts are whole nait' },
  },
  examples: [
    {
      line: 'aitbc gateway key create my-agent --day-max 1 --job-max 0.01',
      note: 'a key that spends at most 1 AIT a day and 0.01 AIT a call',
    },
    {
      line: 'aitbc gateway key create tests --models qwen3:8b',
      note: 'a key for one model',
    },
  ],
  async run(context, { args, options }) {
    const gateway = await ownerClient(context);
    const { nait, models } = options;
    const amount = (text: string | undefined) =>
      text === undefined ? null : amountFromInput(text, nait).toString();
    const key = await gateway.createKey(
      {
        name: args.name,
        dayMax: amount(options.dayMax),
        jobMax: amount(options.jobMax),
        models: models?.split(',').map((name) => name.trim()) ?? null,
      },
      { signal: context.signal },
    );
    context.out.result({ key }, () => {
      const limits = [
        key.jobMax === null ? undefined : `at most ${aitText(key.jobMax)} a call`,
        key.dayMax === null ? undefined : `at most ${aitText(key.dayMax)} a day`,
        key.models === null ? undefined : `only ${key.models.join(', ')}`,
      ].filter((text) => text !== undefined);
      const told = limits.length > 0 ? limits.join(', ') : 'only the limits of the gateway';
      return `${key.secret}\n\nThis secret is not shown again. ${key.name}: ${told}.`;
    });
  },
});
