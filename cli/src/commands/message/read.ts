/** `aitbc message read`: what lies in the mailbox, once. */
import { defineCommand } from '../../command/define-command.ts';
import {
  letterText,
  type ShownLetter,
  shownLetter,
  withInbox,
  withOutbox,
} from '../../message/open-mail.ts';
import { counted } from '../../wording.ts';

export default defineCommand({
  summary: 'Read the letters that came, in order, each once',
  details:
    'What was read is deleted at the coordinator. Letters that were changed or repeated on the way are refused and counted; one that comes before an earlier one waits for it.',
  examples: [
    { line: 'aitbc message read', note: 'everything new' },
    { line: 'aitbc message read --json', note: 'with types, bytes and ids' },
  ],
  async run(context) {
    const { out, signal } = context;
    const letters: ShownLetter[] = [];
    await withOutbox(context, async () => {}); // what waits goes out
    const refused = await withInbox(
      context,
      (letter) => void letters.push(shownLetter(letter)),
      async (inbox) => {
        await inbox.read(signal);
        return inbox.refused;
      },
    );
    const reasons = Object.entries(refused).map(([reason, count]) => `${count} ${reason}`);
    out.result({ letters, refused }, () => {
      const note = reasons.length > 0 ? [`Refused: ${reasons.join(', ')}.`] : [];
      if (letters.length === 0) return ['No new letters.', ...note].join('\n');
      const texts = letters.map((letter) => letterText(out, letter));
      return [...texts, `${counted(letters.length, 'letter')}.`, ...note].join('\n');
    });
  },
});
