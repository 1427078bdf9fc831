/** `aitbc message listen`: letters as they come. */
import { defineCommand } from '../../command/define-command.ts';
import { positiveInteger } from '../../command/parse-values.ts';
import { letterText, shownLetter, withInbox, withOutbox } from '../../message/open-mail.ts';

export default defineCommand({
  summary: 'Letters as they come; survives lost connections',
  details: 'Begins with what lies in the mailbox. Ctrl-C ends it.',
  options: {
    count: { flags: '--count <n>', help: 'end after so many letters', parse: positiveInteger },
  },
  examples: [
    { line: 'aitbc message listen', note: 'as they come' },
    { line: 'aitbc message listen --json --count 1', note: 'wait for one, for a script' },
  ],
  async run(context, { options }) {
    const { out, signal } = context;
    const { count = Number.POSITIVE_INFINITY } = options;
    const ending = new AbortController();
    let told = 0;
    await withOutbox(context, async () => {}); // what waits goes out
    await withInbox(
      context,
      (letter) => {
        const shown = shownLetter(letter);
        out.event(shown, () => letterText(out, shown));
        told += 1;
        if (told >= count) ending.abort();
      },
      (inbox) => inbox.follow(AbortSignal.any([signal, ending.signal])),
    );
  },
});
