/** `aitbc up`: the whole network on this machine, and the main job as a story. */
import { aitText } from '../amounts.ts';
import { defineCommand } from '../command/define-command.ts';
import { type Context, homeOf } from '../context/context.ts';
import type { Devnet, DevnetEvent } from '../devnet/bring-up.ts';
import { createNarrator, type Narrator, type NarratorOutput } from '../devnet/narrator.ts';
import { latencyText, shortAddress } from '../wording.ts';

const daemonNames = ['node', 'wallet', 'coordinator', 'provider', 'gateway'] as const;
const whoColumn = 9;

export default defineCommand({
  summary: 'Start a whole network on this machine: chain, wallet, coordinator, provider, gateway',
  details:
    'Everything is kept in the home folder, so that the next start goes on where this one ended. ' +
    'Ctrl-C, or `aitbc down` in another terminal, stops it.',
  options: {
    story: { flags: '--story', help: 'play one paid job from funding to settlement' },
    once: { flags: '--once', help: 'end after the story instead of staying up (implies --story)' },
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

/** Tells of the daemons first and of the money when all of them are up: it moves while they start. */
function createTeller(say: Narrator): (event: DevnetEvent) => void {
  let waiting: string[] | undefined = [];
  let daemons = 0;
  let isBegun = false;
  return (event) => {
    if (!isBegun) say.act('The network comes up');
    isBegun = true;
    if (event.type === 'starting') return;
    if (event.type !== 'up') {
      const line = moneyText(event);
      if (waiting) waiting.push(line);
      else say.fact(line, true);
      return;
    }
    const { name, url, startMs, pid } = event.daemon;
    say.fact(`${name.padEnd(12)} ${url.padEnd(24)} ${latencyText(startMs)}, process ${pid}`, true);
    daemons += 1;
    if (daemons < daemonNames.length) return;
    say.act('The wallets are funded');
    for (const line of waiting ?? []) say.fact(line, true);
    waiting = undefined;
  };
}

type MoneyEvent = Exclude<DevnetEvent, { type: 'starting' | 'up' }>;

function moneyText(event: MoneyEvent): string {
  const address = shortAddress(event.address);
  if (event.type === 'registered')
    return `provider  bond of ${aitText(event.bond)} registered (${address})`;
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

function urlsOf({ daemon }: Devnet): Record<string, string> {
  return Object.fromEntries(daemonNames.map((name) => [name, daemon(name).url]));
}
