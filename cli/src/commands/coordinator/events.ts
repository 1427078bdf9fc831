/** `aitbc coordinator events`: what happened on the market. */
import { AppError, type EventKind, eventKinds } from '@aitbc/protocol';
import { pause } from '../../chain/await-final.ts';
import { defineCommand } from '../../command/define-command.ts';
import { eventHead, eventRow } from '../../coordinator/event-text.ts';
import { newestEvents } from '../../coordinator/newest-events.ts';

const followEveryMs = 1_000;
const limitMax = 100;

export default defineCommand({
  summary: 'What happened on the market: who came and went, offers, receipts, audits',
  options: {
    limit: {
      flags: '-n, --limit <count>',
      help: 'how many, up to 100',
      default: '20',
      parse: countOf,
    },
    kind: { flags: '--kind <kind>', help: 'only these', choices: eventKinds },
    provider: { flags: '--provider <address>', help: 'only those of one provider' },
    follow: { flags: '-f, --follow', help: 'go on with new ones until Ctrl-C' },
  },
  examples: [
    { line: 'aitbc coordinator events', note: 'the newest 20' },
    { line: 'aitbc coordinator events --kind receipt --follow --json', note: 'every sale' },
  ],
  async run({ clients, out, signal }, { options }) {
    const { coordinator } = await clients();
    const kind = options.kind as EventKind | undefined;
    const read = (after: number, limit: number) =>
      coordinator.events({ after, limit, kind, provider: options.provider }, { signal });
    let { events, next } = await newestEvents(read, options.limit);
    if (!options.follow) {
      out.result({ events }, () =>
        events.length === 0
          ? 'Nothing of that happened lately.'
          : out.table(events.map(eventRow), { head: eventHead }),
      );
      return;
    }
    while (!signal.aborted) {
      for (const event of events) out.event(event, () => eventRow(event).join('  '));
      await pause(followEveryMs, signal).catch(() => {}); // only Ctrl-C ends it early
      if (!signal.aborted) ({ events, next } = await read(next, limitMax));
    }
  },
});

function countOf(text: string, flag: string): number {
  const count = Number(text);
  if (Number.isInteger(count) && count >= 1 && count <= limitMax) return count;
  throw new AppError('CLI_USAGE', { reason: `${flag} must be a number from 1 to ${limitMax}` });
}
