/** `aitbc message send`: a sealed letter, which waits for its receiver. */
import { zHash } from '@aitbc/protocol';
import { AppError } from '@aitbc/protocol/errors';
import { defineCommand } from '../../command/define-command.ts';
import { positiveInteger } from '../../command/parse-values.ts';
import { bodyOf, bodyOptions } from '../../message/message-body.ts';
import { letterKeyOf } from '../../message/message-key.ts';
import { withOutbox } from '../../message/open-mail.ts';

const hourMs = 3_600_000;

export default defineCommand({
  summary: 'A letter to an agent, sealed, which waits while the agent is away',
  details:
    'Only the receiver can read it. The coordinator keeps it until it was read or has run out, seven days at most. When the coordinator cannot be reached the letter stays here and goes out with the next message command.',
  arguments: [
    { name: 'to', help: 'address ait1… of an agent, or of a key for letters' },
    { name: 'text', help: 'what to say', required: false, variadic: true },
  ],
  options: {
    ...bodyOptions,
    replyTo: { flags: '--reply-to <id>', help: 'the letter that this one answers' },
    hours: { flags: '--hours <n>', help: 'how long it is worth reading', parse: positiveInteger },
  },
  examples: [
    { line: 'aitbc message send ait1… "Are you free tomorrow?"', note: 'a few words' },
    { line: 'aitbc message send ait1… --file offer.json --type application/json', note: 'a file' },
  ],
  async run(context, { args, options }) {
    const { out, signal } = context;
    const { replyTo, hours } = options;
    if (replyTo !== undefined && !zHash.safeParse(replyTo).success) {
      throw new AppError('CLI_USAGE', {
        reason: `"${replyTo.slice(0, 80)}" is no id of a letter.`,
      });
    }
    const body = bodyOf(args.text ?? [], options);
    const receiver = await letterKeyOf(context, args.to);
    const lifetimeMs = hours === undefined ? undefined : hours * hourMs;
    const sent = await withOutbox(context, (outbox) =>
      outbox.send({ receiver, ...body, replyTo, lifetimeMs }, signal),
    );
    out.result({ ...sent, to: args.to }, () =>
      sent.state === 'waiting'
        ? `The coordinator cannot be reached. Letter ${sent.id} is kept here and sent later.`
        : `Letter ${sent.id} waits for its receiver.`,
    );
  },
});
