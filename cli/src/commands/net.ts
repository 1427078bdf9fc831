/** `aitbc net`: a whole network with liars, thieves and faults, and a table of what held. */
import { AppError } from '@aitbc/protocol/errors';
import { defineCommand } from '../command/define-command.ts';
import { positiveInteger, wholeNumber } from '../command/parse-values.ts';
import type { Context } from '../context/context.ts';
import { plants } from '../net/plant/plants.ts';
import type { LiveRun } from '../net/run.ts';

const lineEveryMs = 5_000;
const drawEveryMs = 250;
const shortestMs = 5_000;
const longestMs = 3_600_000;
const mostOf = { '--validators': 10, '--providers': 40, '--agents': 200 } as const;

export default defineCommand({
  summary: 'A whole network that is attacked and broken on purpose, and a table of what held',
  details:
    'Real daemons on this machine, with liars, thieves, kill -9, partitions, wrong clocks and full disks. A seed makes the same roles and the same faults at the same times. Exit code 1 when anything that must hold does not; logs are kept then. Without --chaos nobody lies and nothing breaks.',
  options: {
    validators: {
      flags: '--validators <n>',
      help: 'nodes that agree on the chain; at most a third less one of them lies',
      default: '4',
      parse: sizeOf,
    },
    providers: { flags: '--providers <n>', help: 'sellers', default: '20', parse: sizeOf },
    agents: {
      flags: '--agents <n>',
      help: 'buyers, some of them thieves',
      default: '50',
      parse: sizeOf,
    },
    chaos: { flags: '--chaos <seed>', help: 'liars and faults, such as seed=42', parse: seedOf },
    for: {
      flags: '--for <time>',
      help: 'time of work, such as 30s or 2m; faults end at three quarters of it',
      default: '2m',
      parse: timeOf,
    },
    plant: {
      flags: '--plant <name>',
      help: 'plant a bug in the daemons, which the run must find; a wrong name lists them',
    },
    keep: { flags: '--keep', help: 'keep logs and data also when all is well' },
  },
  examples: [
    { line: 'aitbc net --chaos seed=42', note: '4 validators, 20 providers, 50 agents, 2 minutes' },
    {
      line: 'aitbc net --validators 4 --providers 4 --agents 6 --chaos seed=7 --for 20s',
      note: 'a small one',
    },
    { line: 'aitbc net --providers 8 --agents 20 --for 1m --json', note: 'load without faults' },
  ],
  async run(context, { options }) {
    const { castOfNet } = await import('../net/cast.ts');
    const { makePlan } = await import('../net/plan/make-plan.ts');
    const { runNet } = await import('../net/run.ts');
    const { reportText } = await import('../net/screen/report-text.ts');
    const { faultText, secondsText } = await import('../net/screen/fault-text.ts');
    const { out, signal } = context;
    const plan = makePlan({ ...options, seed: options.chaos, forMs: options.for });
    const shown = await createShow(context);
    try {
      const report = await runNet(
        {
          ...{ plan, plant: plantOf(options.plant), keep: options.keep, signal },
          onPhase: shown.phase,
          onFault: (fault, what, why) => {
            const reason = why === undefined ? '' : `: ${why}`;
            shown.say(
              `${secondsText(fault.atMs).padStart(8)}  ${what}: ${faultText(fault)}${reason}`,
            );
          },
        },
        castOfNet,
      );
      shown.end();
      out.result(report, () => reportText(out, report));
      return report.isWell ? 0 : 1;
    } finally {
      shown.end();
    }
  },
});

interface Show {
  phase(live: LiveRun): void;
  say(text: string): void;
  end(): void;
}

/** A screen on a terminal; elsewhere a line every few seconds. */
async function createShow({ out, json }: Context): Promise<Show> {
  const { netLine, netPicture } = await import('../net/screen/picture.ts');
  let live: LiveRun | undefined;
  const screen = out.screen((size) => (live ? netPicture(out, live, size) : ['', 'planning …']));
  const say = (text: string): void => {
    if (!json) screen.above(() => out.note(text));
  };
  const tick = (): void => {
    if (screen.isLive) screen.draw();
    else if (live?.phase === 'work') say(netLine(live));
  };
  const timer = setInterval(tick, screen.isLive ? drawEveryMs : lineEveryMs);
  return {
    phase(now) {
      live = now;
      say(`phase: ${now.phase}`);
    },
    say,
    end() {
      clearInterval(timer);
      screen.done();
    },
  };
}

function sizeOf(text: string, flag: string): number {
  const count = positiveInteger(text, flag);
  const most = mostOf[flag as keyof typeof mostOf] ?? count;
  if (count <= most) return count;
  throw new AppError('CLI_USAGE', { reason: `${flag} is 1 to ${most}, not ${count}` });
}

function seedOf(text: string, flag: string): number {
  return wholeNumber(text.replace(/^seed=/, ''), flag);
}

function plantOf(name: string | undefined): string | undefined {
  const names = plants.map((plant) => plant.name);
  if (name === undefined || names.includes(name)) return name;
  const reason = `--plant ${name}: there is no such bug. Bugs: ${names.join(', ')}`;
  throw new AppError('CLI_USAGE', { reason });
}

function timeOf(text: string, flag: string): number {
  const [, digits = '', unit = ''] = /^([0-9]+)(s|m)$/.exec(text) ?? [];
  const ms = Number(digits) * (unit === 'm' ? 60_000 : 1_000);
  if (digits !== '' && ms >= shortestMs && ms <= longestMs) return ms;
  throw new AppError('CLI_USAGE', {
    reason: `${flag} is a time such as 30s or 2m, from 5s to 60m`,
  });
}
