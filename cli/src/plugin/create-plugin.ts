/** A new plugin that works at once: a package with one command and one test. */
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { entriesOf, isCommandName } from '../command/command-tree.ts';
import { ownLevel } from '../command/own-commands.ts';
import { usageError } from '../command/usage-error.ts';

const help = ['plugin', 'create'];

/** Writes the package to `<into>/aitbc-plugin-<name>` and answers its files. Throws CLI_USAGE. */
export function createPlugin(name: string, into: string): { dir: string; files: string[] } {
  if (!isCommandName(name)) {
    throw usageError(`"${name}" is no name of a command: small letters, digits and dashes`, help);
  }
  const own = entriesOf(ownLevel());
  if (own.commands.has(name) || own.groups.has(name)) {
    throw usageError(`there is a command ${name} in aitbc already`, help);
  }
  const dir = join(into, `aitbc-plugin-${name}`);
  if (existsSync(dir) && readdirSync(dir).length > 0) {
    throw usageError(`${dir} exists already and is not empty`, help);
  }
  const texts = textsOf(name);
  for (const [file, text] of Object.entries(texts)) {
    mkdirSync(dirname(join(dir, file)), { recursive: true });
    writeFileSync(join(dir, file), text);
  }
  return { dir, files: Object.keys(texts) };
}

function textsOf(name: string): Readonly<Record<string, string>> {
  return {
    'package.json': packageText(name),
    [`commands/${name}.mjs`]: commandText(name),
    [`test/${name}.test.mjs`]: testText(name),
    'README.md': readmeText(name),
  };
}

function packageText(name: string): string {
  const manifest = {
    name: `aitbc-plugin-${name}`,
    version: '0.1.0',
    description: `aitbc ${name}`,
    type: 'module',
    files: ['commands'],
    aitbc: { commands: './commands' },
    scripts: { test: 'node --test' },
  };
  return `${JSON.stringify(manifest, null, 2)}\n`;
}

function commandText(name: string): string {
  return `/** aitbc ${name}: what a wallet could buy. The path of this file is the name of the command. */

/** @type {import('@aitbc/cli/plugin').PluginCommand} */
export default {
  summary: 'How many tokens an account can pay for',
  arguments: [{ name: 'address', help: 'address ait1… of the account' }],
  options: {
    price: { flags: '--price <nait>', help: 'price of a million tokens', default: '200000000' },
  },
  examples: [{ line: 'aitbc ${name} ait1…', note: 'at the usual price' }],

  /** \`context\` has the clients of the daemons, the writer and the signal of Ctrl-C. */
  async run({ clients, out, signal }, { args, options }) {
    const { node } = await clients();
    const { balance } = await node.rpc.state_getAccount({ address: args.address }, { signal });
    const tokens = tokensFor(BigInt(balance), BigInt(options.price));
    out.result({ balance, tokens }, () => \`\${tokens} tokens\`);
  },
};

/** Whole tokens that so many nait pay for. */
export function tokensFor(balanceNait, pricePerMillionNait) {
  return (balanceNait * 1_000_000n) / pricePerMillionNait;
}
`;
}

function testText(name: string): string {
  return `import assert from 'node:assert/strict';
import test from 'node:test';
import command, { tokensFor } from '../commands/${name}.mjs';

test('a balance buys whole tokens', () => {
  assert.equal(tokensFor(1_000_000_000n, 200_000_000n), 5_000_000n);
  assert.equal(tokensFor(0n, 200_000_000n), 0n);
});

test('the command asks the node and says what it found', async () => {
  const asked = [];
  const said = [];
  const node = {
    rpc: {
      async state_getAccount({ address }) {
        asked.push(address);
        return { balance: '2000' };
      },
    },
  };
  const out = { result: (data, human) => said.push([data, human()]) };
  const input = { args: { address: 'ait1abc' }, options: { price: '1000' } };
  await command.run({ clients: async () => ({ node }), out }, input);
  assert.deepEqual(asked, ['ait1abc']);
  assert.deepEqual(said, [[{ balance: '2000', tokens: 2_000_000n }, '2000000 tokens']]);
});
`;
}

function readmeText(name: string): string {
  return `# aitbc-plugin-${name}

Adds \`aitbc ${name}\` to the command line of AITBC.

    npm test                    # its tests
    aitbc plugin add .          # use it from here; changes count at once
    aitbc ${name} --help

Every file in \`commands/\` is a command, every folder a group. A command is an object with a \`summary\` and
\`run(context, {args, options})\`; \`arguments\`, \`options\`, \`details\` and \`examples\` make its help. With \`--json\`
\`out.result(data, text)\` prints the data, else the text.
`;
}
