/** `aitbc monitor`: the network at a glance, live. */
import { AppError } from '@aitbc/protocol/errors';
import { defineCommand } from '../command/define-command.ts';
import type { Context } from '../context/context.ts';
import type { MonitorView } from '../monitor/types.ts';

const msPerSecond = 1_000;
const everyMaxSeconds = 3_600;

export default defineCommand({
  summary: 'Blocks, jobs, tokens, spending and earnings, live; q or Ctrl-C ends it',
  details:
    'On a terminal the last lines of the window are kept true. Elsewhere, and with --json, every interval is one line. A daemon that goes away is an alert, and is shown again when it is back.',
  options: {
    every: {
      flags: '--every <seconds>',
      help: 'how often it looks',
      default: '1',
      parse: secondsOf,
    },
    once: { flags: '--once', help: 'one line, then end' },
  },
  examples: [
    { line: 'aitbc monitor', note: 'until q' },
    { line: 'aitbc monitor --once --json', note: 'how things stand now, for a script' },
    { line: 'aitbc monitor --every 10 --no-color', note: 'slower, in plain text' },
  ],
  async run(context, { options }) {
    const everyMs = options.every * msPerSecond;
    if (context.json || options.once || !context.out.isTerminal) {
      return printLines(context, everyMs, options.once);
    }
    return showScreen(context, everyMs);
  },
});

function secondsOf(text: string, flag: string): number {
  const seconds = Number(text);
  if (seconds >= 0.2 && seconds <= everyMaxSeconds) return seconds;
  const reason = `${flag} is a number of seconds from 0.2 to ${everyMaxSeconds}, not "${text}"`;
  throw new AppError('CLI_USAGE', { reason });
}

async function printLines(context: Context, everyMs: number, isOnce: boolean): Promise<void> {
  const { followNetwork } = await import('../monitor/follow.ts');
  const { snapshotLine } = await import('../monitor/picture.ts');
  const { out, signal } = context;
  await followNetwork(context, {
    ...{ everyMs, signal, nowMs: Date.now },
    onView({ snapshot }) {
      out.event(snapshot, () => snapshotLine(snapshot));
      return !isOnce;
    },
  });
}

async function showScreen(context: Context, everyMs: number): Promise<void> {
  const { followNetwork } = await import('../monitor/follow.ts');
  const { monitorPicture } = await import('../monitor/picture.ts');
  const { readEndKeys } = await import('../monitor/read-keys.ts');
  const { out, stdin } = context;
  const ending = new AbortController();
  const signal = AbortSignal.any([context.signal, ending.signal]);
  let view: MonitorView | undefined;
  const screen = out.screen((size) =>
    view ? monitorPicture(out, view, size) : ['', 'looking at the network …'],
  );
  const stopKeys = readEndKeys(stdin, () => ending.abort());
  try {
    await followNetwork(context, {
      ...{ everyMs, signal, nowMs: Date.now },
      onView(next) {
        view = next;
        screen.draw();
        return true;
      },
    });
  } finally {
    stopKeys();
    screen.done();
  }
}
