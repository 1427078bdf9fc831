/** `aitbc ai serve`: sell what this machine can compute. */
import { type Prices, proposePrice } from '../../ai/owner/propose-price.ts';
import { serveDir } from '../../ai/owner/served.ts';
import { serveProvider } from '../../ai/serve-provider.ts';
import { welcomeProvider } from '../../ai/welcome-provider.ts';
import { amountFromInput } from '../../amounts.ts';
import { defineCommand } from '../../command/define-command.ts';
import type { Context } from '../../context/context.ts';
import { entryOf } from '../../devnet/daemon-process.ts';

export default defineCommand({
  summary: 'Sell what your machine can compute, until Ctrl-C',
  details:
    'Finds the engine, registers the provider with its bond, lists the models, checks every payment before it runs a job, and claims what was earned. Beside a devnet of this home the bond comes from the faucet. On a terminal it asks for the price and proposes one from the market; the last lines show jobs, speed, earnings and why the machine is idle. Other settings of the daemon come from its AITBC_PROVIDER_… variables.',
  options: {
    engine: {
      flags: '--engine <name>',
      help: 'auto takes the first that answers',
      choices: ['auto', 'ollama', 'openai', 'embedded'],
    },
    ollamaUrl: { flags: '--ollama-url <url>', help: 'where Ollama listens' },
    modelPath: { flags: '--model-path <file>', help: 'GGUF file of the embedded engine' },
    priceInput: { flags: '--price-input <ait>', help: 'price of a million prompt tokens' },
    priceOutput: { flags: '--price-output <ait>', help: 'price of a million output tokens' },
    measure: {
      flags: '--measure',
      help: 'measure every model before it is offered, also where the engine tells its slots',
    },
    nait: { flags: '--nait', help: 'the prices are in nait' },
    port: {
      flags: '--port <n>',
      help: 'port to listen on, 0 for a free one; default 8008, or a free one beside a devnet',
    },
    publicUrl: { flags: '--public-url <url>', help: 'address that buyers reach' },
    relay: {
      flags: '--relay',
      help: 'buyers come through the coordinator, over your own connection to it: behind NAT',
    },
    dataDir: { flags: '--data-dir <dir>', help: 'keys and records (default <home>/serve)' },
  },
  examples: [
    { line: 'aitbc ai serve', note: 'all models of the engine at the usual price' },
    {
      line: 'aitbc ai serve --engine ollama --price-output 0.2 --public-url https://gpu.example.org',
      note: 'dearer, and reachable from outside',
    },
    { line: 'aitbc ai serve --relay', note: 'from a machine behind NAT, without an open port' },
    { line: 'aitbc ai serve --json', note: 'the log as JSON lines' },
  ],
  async run(context, { options }) {
    const { urls, devnet, env } = context;
    const hasNeighbour = devnet !== undefined && !env.AITBC_PROVIDER_PORT;
    const dataDir = options.dataDir ?? serveDir(context);
    const price = (text: string | undefined) =>
      text === undefined ? undefined : amountFromInput(text, options.nait);
    const given = { input: price(options.priceInput), output: price(options.priceOutput) };
    const engine = flagsOf({
      '--engine': options.engine,
      '--ollama-url': options.ollamaUrl,
      '--model-path': options.modelPath,
      '--data-dir': dataDir,
    });
    const asked = mustAsk(context, given) ? await askPrice(context, engine) : undefined;
    const args = flagsOf({
      '--price-input': (given.input ?? asked?.input)?.toString(),
      '--price-output': (given.output ?? asked?.output)?.toString(),
      '--benchmark': options.measure ? 'always' : undefined,
      '--port': options.port ?? (hasNeighbour ? '0' : undefined),
      '--public-url': options.publicUrl,
      '--node-url': urls.node,
      '--coordinator-url': urls.coordinator,
    });
    return serveProvider(context, {
      entry: entryOf('provider'),
      args: [...engine, ...args, ...(options.relay ? ['--relay'] : []), '--register'],
      dataDir,
      onReady: (url, tell) => welcomeProvider(context, url, tell),
    });
  },
});

interface Given {
  readonly input: bigint | undefined;
  readonly output: bigint | undefined;
}

/** Asked is who sits at a terminal and has said nothing about the price, neither here nor in a variable. */
function mustAsk({ ask, env }: Context, { input, output }: Given): boolean {
  const isSaid = input !== undefined || output !== undefined;
  const isSet = env.AITBC_PROVIDER_PRICE_INPUT || env.AITBC_PROVIDER_PRICE_OUTPUT;
  return ask.isPossible && !isSaid && !isSet;
}

async function askPrice(context: Context, argv: readonly string[]): Promise<Prices | undefined> {
  const { env, signal, out } = context;
  const looking = out.progress('looking at the engine and the market');
  try {
    const { findModels } = await import('@aitbc/provider/owner');
    const models = await findModels({ argv, env }, signal);
    looking.done();
    return await proposePrice(context, models);
  } finally {
    looking.done();
  }
}

function flagsOf(flags: Readonly<Record<string, string | undefined>>): string[] {
  return Object.entries(flags).flatMap(([flag, value]) =>
    value === undefined ? [] : [flag, value],
  );
}
