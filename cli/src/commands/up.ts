/** `aitbc up`: the whole network on this machine, and the main job as a story. */
import { AppError } from '@aitbc/protocol/errors';
import { aitText } from '../amounts.ts';
import { defineCommand } from '../command/define-command.ts';
import { positiveInteger } from '../command/parse-values.ts';
import { type Context, homeOf } from '../context/context.ts';
import type { Devnet, DevnetEvent } from '../devnet/bring-up.ts';
import { type DaemonName, programOf } from '../devnet/daemon-name.ts';
import type { DaemonProcess } from '../devnet/daemon-process.ts';
import { createNarrator, type Narrator, type NarratorOutput } from '../devnet/narrator.ts';
import { residentBytesOf } from '../devnet/resident-memory.ts';
import { counted, latencyText, shortAddress } from '../wording.ts';

const whoColumn = 10;
/** More is a load test of this machine, not a network. */
const validatorsMax = 10;
const providersMax = 8;

export default defineCommand({
  summary:
    'Start a whole network on this machine: validators, wallet, coordinator, providers, gateway',
  details:
    'Everything is kept in the home folder, so that the next start goes on where this one ended. ' +
    'Ctrl-C, or `aitbc down` in another terminal, stops it.',
  options: {
    story: { flags: '--story', help: 'play one paid job from funding to settlement' },
    once: { flags: '--once', help: 'end after the story instead of staying up (implies --story)' },
    validators: {
      flags: '--validators <n>',
      help: 'nodes that agree on the chain, 4 in a new home folder; from 4 on it survives the loss of one',
      parse: validatorCount,
    },
    providers: {
      flags: '--providers <n>',
      help: 'sellers with the same model; from 2 on an answer survives the loss of one',
      default: '2',
      parse: providerCount,
    },
    ports: {
      flags: '--ports <which>',
      help: 'the standard ports, or free ones chosen by the system',
      default: 'standard',
      choices: ['standard', 'free'],
    },
    engine: {
      flags: '--engine <name>',
      help: 'auto finds Ollama and falls back to the built-in model',
      default: 'auto',
      choices: ['auto', 'embedded', 'ollama', 'openai'],
    },
  },
  examples: [
    { line: 'aitbc up', note: 'bring the network up and keep it up' },
    { line: 'aitbc up --once', note: 'bring it up, play the story, stop' },
    { line: 'aitbc up --validators 1', note: 'as little as possible: a chain of one node' },
    {
      line: 'aitbc up --once --ports free --json',
      note: 'the same as one JSON object, next to another',
    },
  ],
  async run(context, { options }) {
    const { bringUp } = await import('../devnet/bring-up.ts'); // help must not load the SDK
    const { playStory } = await import('../devnet/story.ts');
    const quiet: NarratorOutput = { write: () => true };
    const output = context.json ? quiet : process.stdout;
    const colour = Boolean(output.isTTY) && !context.env.NO_COLOR;
    const say = createNarrator(output, { colour, nowMs: () => performance.now() });
    const devnet = await bringUp({
      home: context.home,
      freePorts: options.ports === 'free',
      engine: options.engine,
      validators: options.validators,
      providers: options.providers,
      signal: context.signal,
      tell: createTeller(say),
    });
    try {
      const told = options.story || options.once ? await playStory(devnet, say) : undefined;
      if (options.once) {
        context.out.result(told, () => '');
        return;
      }
      await stayUp(devnet, context, say);
    } finally {
      await devnet.stop();
    }
  },
});

function validatorCount(text: string, flag: string): number {
  return countUpTo(validatorsMax, text, flag);
}

function providerCount(text: string, flag: string): number {
  return countUpTo(providersMax, text, flag);
}

function countUpTo(max: number, text: string, flag: string): number {
  const count = positiveInteger(text, flag);
  if (count <= max) return count;
  throw new AppError('CLI_USAGE', { reason: `${flag} is 1 to ${max}, not ${count}` });
}

/** Tells of the daemons first and of the money when all of them are up: it moves while they start. */
function createTeller(say: Narrator): (event: DevnetEvent) => void {
  const pids: number[] = [];
  let waiting: string[] | undefined = [];
  let planned: readonly DaemonName[] = [];
  const allUp = (): void => {
    tellSize(say, planned, pids);
    say.act('The wallets are funded');
    for (const line of waiting ?? []) say.fact(line, true);
    waiting = undefined;
  };
  return (event) => {
    if (event.type === 'planned') {
      planned = event.names;
      say.act('The network comes up');
    } else if (event.type === 'up') {
      say.fact(daemonText(event.daemon), true);
      pids.push(event.daemon.pid);
      if (pids.length === planned.length) allUp();
    } else if (event.type !== 'starting') {
      const line = moneyText(event);
      if (waiting) waiting.push(line);
      else say.fact(line, true);
    }
  };
}

function daemonText({ name, url, startMs, pid }: DaemonProcess): string {
  return `${name.padEnd(12)} ${url.padEnd(24)} ${latencyText(startMs)}, process ${pid}`;
}

function tellSize(say: Narrator, names: readonly DaemonName[], pids: readonly number[]): void {
  const nodes = names.filter((name) => programOf(name) === 'node').length;
  const sizes = pids.map(residentBytesOf);
  const mebibytes = sizes.reduce<number>((sum, size) => sum + (size ?? 0), 0) / 1_048_576;
  const memory = sizes.includes(undefined) ? '' : `, ${Math.round(mebibytes)} MiB of memory`;
  say.aside(`${counted(nodes, 'validator')}, ${names.length} processes in all${memory}`);
}

type MoneyEvent = Exclude<DevnetEvent, { type: 'planned' | 'starting' | 'up' }>;

function moneyText(event: MoneyEvent): string {
  const address = shortAddress(event.address);
  if (event.type === 'registered')
    return `provider   bond of ${aitText(event.bond)} registered (${address})`;
  const who = event.who.padEnd(whoColumn);
  if (event.type === 'solvent') return `${who} has ${aitText(event.balance)} (${address})`;
  const { amount, height, ms } = event;
  return `${who} got ${aitText(amount)}, final in block ${height} after ${latencyText(ms)} (${address})`;
}

async function stayUp(devnet: Devnet, context: Context, say: Narrator): Promise<void> {
  const { out, signal, json } = context;
  if (json) out.result({ urls: urlsOf(devnet), account: devnet.account }, () => '');
  say.act('The network is yours');
  const gateway = devnet.daemon('gateway').url;
  const aitbc = commandPrefix(context);
  say.command('console', `${devnet.daemon('coordinator').url}/`);
  say.command('client', `export OPENAI_BASE_URL=${gateway}/v1`);
  say.command('ask', `${aitbc} ai ask "What is a view?"${homeFlag(context)}`);
  say.command('look', `${aitbc} market list${homeFlag(context)}`);
  say.command('API', `${devnet.daemon('coordinator').url}/docs`);
  say.aside('Ctrl-C stops everything');
  const stopped = new Promise<undefined>((resolve) => {
    signal.addEventListener('abort', () => resolve(undefined), { once: true });
    if (signal.aborted) resolve(undefined);
  });
  const failure = await Promise.race([devnet.failure, stopped]);
  if (failure !== undefined) throw failure;
}

/** How this program is called: through npm there is no `aitbc` on the path. */
function commandPrefix({ env }: Context): string {
  return env.npm_execpath === undefined ? 'aitbc' : 'npx aitbc';
}

function homeFlag({ home, env }: Context): string {
  return home === homeOf({ home: undefined }, env) ? '' : ` --home ${home}`;
}

function urlsOf({ daemon, names }: Devnet): Record<string, string> {
  return Object.fromEntries(names.map((name) => [name, daemon(name).url]));
}
