/** `aitbc up`: the whole network on this machine, and the main job as a story. */
import { aitFromNait } from '@aitbc/primitives';
import { AppError } from '@aitbc/protocol';
import { defineCommand } from '../command/define-command.ts';
import type { Context } from '../context/context.ts';
import type { Devnet, DevnetEvent } from '../devnet/bring-up.ts';
import { createNarrator, type Narrator, type NarratorOutput } from '../devnet/narrator.ts';
import { shortAddress } from '../devnet/short-address.ts';

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
    say.act('Brother Chain and the daemons come up');
    const devnet = await bringUp({
      home: context.home,
      freePorts: options.ports === 'free',
      engine: options.engine,
      signal: context.signal,
      tell: (event) => tellEvent(say, event),
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

function tellEvent(say: Narrator, event: DevnetEvent): void {
  const seconds = (ms: number) => `${(ms / 1000).toFixed(1)} s`;
  if (event.type === 'up') {
    const { name, url, startMs, pid } = event.daemon;
    say.fact(`${name.padEnd(12)} ${url.padEnd(24)} process ${pid}, ${seconds(startMs)}`, true);
  }
  if (event.type === 'funded') {
    const { who, address, amount, height, ms } = event;
    say.fact(
      `${aitFromNait(amount)} AIT from the faucet to the ${who} ${shortAddress(address)}: ` +
        `final in block ${height} after ${Math.round(ms)} ms`,
      true,
    );
  }
  if (event.type === 'registered') {
    const { address, bond } = event;
    say.fact(
      `provider ${shortAddress(address)} registered with a bond of ${aitFromNait(bond)} AIT`,
      true,
    );
  }
}

async function stayUp(
  devnet: Devnet,
  { out, signal, json }: Context,
  say: Narrator,
): Promise<void> {
  if (json) out.result({ urls: urlsOf(devnet), account: devnet.account }, () => '');
  say.act('The network is yours');
  say.fact(`gateway      export OPENAI_BASE_URL=${devnet.daemon('gateway').url}/v1`);
  say.fact(`API pages    ${devnet.daemon('coordinator').url}/docs`);
  say.fact(`ask          aitbc ai ask "What is a view?" --home ${devnet.home}`);
  say.aside('Ctrl-C stops everything');
  const stopped = new Promise<undefined>((resolve) => {
    signal.addEventListener('abort', () => resolve(undefined), { once: true });
    if (signal.aborted) resolve(undefined);
  });
  const failure = await Promise.race([devnet.failure, stopped]);
  if (failure === undefined) return;
  throw new AppError('DAEMON_FAILED', { daemon: 'devnet', reason: failure });
}

function urlsOf({ daemon }: Devnet): Record<string, string> {
  const names = ['node', 'wallet', 'coordinator', 'provider', 'gateway'] as const;
  return Object.fromEntries(names.map((name) => [name, daemon(name).url]));
}
