/** `aitbc ai drain`: "I want my GPU back". */
import { AppError } from '@aitbc/protocol';
import { findServed, providerOwner } from '../../ai/owner/served.ts';
import { pause } from '../../chain/await-final.ts';
import { defineCommand } from '../../command/define-command.ts';
import { counted } from '../../wording.ts';

const secondsMax = 3_600;
const pollMs = 200;

export default defineCommand({
  summary: 'Take your machine back: your provider sells nothing until --back',
  details:
    'Its offers are withdrawn, jobs that wait go elsewhere unpaid, running ones may end within the time. What they delivered by then is paid. Returns when the engine is idle.',
  options: {
    within: {
      flags: '--within <seconds>',
      help: 'time for the jobs that run',
      default: '30',
      parse: secondsOf,
    },
    back: { flags: '--back', help: 'sell again' },
    dataDir: { flags: '--data-dir <dir>', help: 'folder of the provider' },
  },
  examples: [
    { line: 'aitbc ai drain --within 10', note: 'the machine is yours in 10 seconds at most' },
    { line: 'aitbc ai drain --back', note: 'sells again' },
  ],
  async run(context, { options }) {
    const { out, signal } = context;
    const client = await providerOwner(context, findServed(context, options.dataDir));
    if (options.back) {
      out.result(await client.endDrain({}, { signal }), () => 'Your provider sells again.');
      return;
    }
    const begun = await client.drain({ withinMs: options.within * 1_000 }, { signal });
    let { running } = begun;
    const waiting = out.progress(`${counted(running, 'job')} to end`);
    try {
      while (running > 0) {
        await pause(pollMs, signal);
        ({ running } = await client.status({}, { signal }));
        waiting.update(`${counted(running, 'job')} to end`);
      }
    } finally {
      waiting.done();
    }
    out.result(
      { ...begun, running },
      () => 'The machine is yours. `aitbc ai drain --back` sells again.',
    );
  },
});

function secondsOf(text: string, flag: string): number {
  const seconds = Number(text);
  if (text.trim() !== '' && seconds >= 0 && seconds <= secondsMax && Number.isInteger(seconds)) {
    return seconds;
  }
  throw new AppError('CLI_USAGE', { reason: `${flag} must be a number from 0 to ${secondsMax}` });
}
