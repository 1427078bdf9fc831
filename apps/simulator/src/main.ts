/** `npm run sim`: runs a campaign and prints its report. Exit code 1 when a promise broke. */
import { runCampaign, type Totals } from './campaign/campaign.ts';
import { reportJson, reportText } from './campaign/report.ts';
import { traceOf } from './campaign/trace.ts';
import { fullHelp, type Options, optionsOf, UsageError } from './options.ts';

const progressEveryMs = 2_000;

process.exitCode = main(process.argv.slice(2));

function main(args: readonly string[]): number {
  try {
    const options = optionsOf(args);
    if (options.help) process.stdout.write(`${fullHelp()}\n`);
    return options.help ? 0 : simulate(options);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    process.stderr.write(`${error.message}\n`);
    return 2;
  }
}

function simulate(options: Options): number {
  const report = runCampaign({ ...options, cpuSeconds, onSeed: createProgress(options.seeds) });
  const { failures } = report;
  const shown = options.json ? JSON.stringify(reportJson(report), null, 2) : reportText(report);
  process.stdout.write(`${shown}\n`);
  if (options.trace && failures[0]) {
    const { plan } = failures[0].shrunk;
    process.stdout.write(`${traceOf(options.level, plan, options.bug).join('\n')}\n`);
  }
  const isFound = failures.length > 0;
  if (options.bug !== undefined) return isFound ? 0 : 1;
  return isFound ? 1 : 0;
}

function cpuSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

function createProgress(seeds: number): (done: number, totals: Totals) => void {
  let shownMs = performance.now();
  return (done, { views, events }) => {
    if (performance.now() < shownMs + progressEveryMs) return;
    shownMs = performance.now();
    process.stderr.write(`${done}/${seeds} seeds, ${views} views, ${events} events\n`);
  };
}
