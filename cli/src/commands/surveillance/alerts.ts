/** `aitbc surveillance alerts`: what the detectors found. */
import { type AlertLevel, type AlertState, alertLevels, alertStates } from '@aitbc/protocol';
import { pause } from '../../chain/await-final.ts';
import { defineCommand } from '../../command/define-command.ts';
import { alertHead, alertLine, alertRow } from '../../surveillance/alert-text.ts';
import { countUpTo } from '../../surveillance/parse-options.ts';

const followEveryMs = 1_000;
const limitMax = 100;

export default defineCommand({
  summary: 'What the detectors found, newest first',
  details:
    'An alert accuses nobody by itself. `aitbc surveillance verify` fetches its evidence and judges it again.',
  options: {
    level: {
      flags: '-l, --level <level>',
      help: 'this level and more serious ones',
      choices: alertLevels,
    },
    limit: {
      flags: '-n, --limit <count>',
      help: 'how many, up to 100',
      default: '20',
      parse: countUpTo(limitMax),
    },
    pattern: { flags: '--pattern <pattern>', help: 'only of one detector' },
    subject: { flags: '--subject <address>', help: 'only about one account' },
    status: { flags: '--status <status>', help: 'only with this status', choices: alertStates },
    follow: { flags: '-f, --follow', help: 'go on with new ones until Ctrl-C' },
  },
  examples: [
    { line: 'aitbc surveillance alerts', note: 'the newest 20' },
    { line: 'aitbc surveillance alerts --level high --status open', note: 'what is urgent' },
    { line: 'aitbc surveillance alerts --follow --json', note: 'one JSON object a line' },
  ],
  async run({ out, clients, signal }, { options }) {
    const { coordinator } = await clients();
    const { pattern, subject, limit } = options;
    const level = options.level as AlertLevel | undefined;
    const status = options.status as AlertState | undefined;
    const wish = { level, pattern, subject, status };
    const { alerts } = await coordinator.listAlerts({ ...wish, limit }, { signal });
    if (!options.follow) {
      out.result({ alerts }, () =>
        alerts.length === 0
          ? 'There is no such alert.'
          : out.table(
              alerts.map((alert) => alertRow(out, alert)),
              { head: alertHead },
            ),
      );
      return;
    }
    let after = Math.max(0, ...alerts.map(({ seq }) => seq));
    for (const alert of alerts.reverse()) out.event(alert, () => alertLine(out, alert));
    while (!signal.aborted) {
      await pause(followEveryMs, signal).catch(() => {}); // only Ctrl-C ends it early
      if (signal.aborted) return;
      const page = await coordinator.listAlerts({ ...wish, after, limit: limitMax }, { signal });
      for (const alert of page.alerts) out.event(alert, () => alertLine(out, alert));
      after = page.alerts.at(-1)?.seq ?? after;
    }
  },
});
