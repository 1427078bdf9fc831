/** `aitbc ai serve`: sell what this machine can compute. */
import { join } from 'node:path';
import { serveProvider } from '../../ai/serve-provider.ts';
import { welcomeProvider } from '../../ai/welcome-provider.ts';
import { amountFromInput } from '../../amounts.ts';
import { defineCommand } from '../../command/define-command.ts';
import { entryOf } from '../../devnet/daemon-process.ts';

export default defineCommand({
  summary: 'Sell what your machine can compute, until Ctrl-C',
  details:
    'Finds the engine, registers the provider with its bond, lists the models, checks every payment before it runs a job, and claims what was earned. Beside a devnet of this home the bond comes from the faucet. Other settings of the daemon come from its AITBC_PROVIDER_… variables.',
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
    nait: { flags: '--nait', help: 'the prices are in nait' },
    port: {
      flags: '--port <n>',
      help: 'port to listen on, 0 for a free one; default 8008, or a free one beside a devnet',
    },
    publicUrl: { flags: '--public-url <url>', help: 'address that buyers reach' },
    dataDir: { flags: '--data-dir <dir>', help: 'keys and records (default <home>/serve)' },
  },
  examples: [
    { line: 'aitbc ai serve', note: 'all models of the engine at the usual price' },
    {
      line: 'aitbc ai serve --engine ollama --price-output 0.2 --public-url https://gpu.example.org',
      note: 'dearer, and reachable from outside',
    },
    { line: 'aitbc ai serve --json', note: 'the log as JSON lines' },
  ],
  async run(context, { options }) {
    const { home, urls, devnet, env } = context;
    const hasNeighbour = devnet !== undefined && !env.AITBC_PROVIDER_PORT;
    const price = (text: string | undefined) =>
      text === undefined ? undefined : amountFromInput(text, options.nait).toString();
    const args = flagsOf({
      '--engine': options.engine,
      '--ollama-url': options.ollamaUrl,
      '--model-path': options.modelPath,
      '--price-input': price(options.priceInput),
      '--price-output': price(options.priceOutput),
      '--port': options.port ?? (hasNeighbour ? '0' : undefined),
      '--public-url': options.publicUrl,
      '--node-url': urls.node,
      '--coordinator-url': urls.coordinator,
      '--data-dir': options.dataDir ?? join(home, 'serve'),
    });
    return serveProvider(context, {
      entry: entryOf('provider'),
      args: [...args, '--register'],
      onReady: (url, tell) => welcomeProvider(context, url, tell),
    });
  },
});

function flagsOf(flags: Readonly<Record<string, string | undefined>>): string[] {
  return Object.entries(flags).flatMap(([flag, value]) =>
    value === undefined ? [] : [flag, value],
  );
}
