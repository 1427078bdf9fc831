/** Options that every command understands, in front of its name or behind it. */

/** One global option; those with a value may also come from the environment. */
export interface GlobalOption {
  readonly flags: string;
  readonly help: string;
  readonly env?: string;
}

/** The global options by key. `--help` and `--version` are commander's and the entry's own. */
export const globalOptions = Object.freeze({
  json: { flags: '--json', help: 'print one JSON value instead of text' },
  home: {
    flags: '--home <dir>',
    help: 'folder of this user (default ~/.aitbc)',
    env: 'AITBC_HOME',
  },
  nodeUrl: { flags: '--node-url <url>', help: 'address of the chain node', env: 'AITBC_NODE_URL' },
  walletUrl: {
    flags: '--wallet-url <url>',
    help: 'address of the wallet daemon',
    env: 'AITBC_WALLET_URL',
  },
  coordinatorUrl: {
    flags: '--coordinator-url <url>',
    help: 'address of the coordinator',
    env: 'AITBC_COORDINATOR_URL',
  },
  gatewayUrl: {
    flags: '--gateway-url <url>',
    help: 'address of the gateway',
    env: 'AITBC_GATEWAY_URL',
  },
  pluginDir: {
    flags: '--plugin-dir <dir>',
    help: 'more commands from this folder',
    env: 'AITBC_PLUGIN_DIR',
  },
  noColor: { flags: '--no-color', help: 'plain text, as with NO_COLOR', env: 'NO_COLOR' },
} as const satisfies Record<string, GlobalOption>);

/** Key of a global option. */
export type GlobalKey = keyof typeof globalOptions;

/** What the user set; texts are undefined when neither flag nor variable was given. */
export type GlobalValues = {
  readonly [K in GlobalKey]: (typeof globalOptions)[K]['flags'] extends `${string}<${string}`
    ? string | undefined
    : boolean;
};

const byFlag = new Map<string, { key: GlobalKey; takesValue: boolean }>(
  Object.entries(globalOptions).map(([key, { flags }]) => {
    const [flag = '', value] = flags.split(' ');
    return [flag, { key: key as GlobalKey, takesValue: value !== undefined }];
  }),
);

/** The command line taken apart: global options, and everything else in its order. */
export interface SplitArguments {
  readonly globals: GlobalValues;
  readonly rest: readonly string[];
  /** A global option at the very end without its value. */
  readonly incomplete: string | undefined;
}

/** Takes the global options out, wherever they stand in front of `--`. The last one wins. */
export function splitArguments(
  argv: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): SplitArguments {
  const given: Partial<Record<GlobalKey, string>> = {};
  const rest: string[] = [];
  let incomplete: string | undefined;
  let at = 0;
  while (at < argv.length && argv[at] !== '--') {
    const taken = takeGlobal(argv, at);
    if (!taken) rest.push(argv[at] as string);
    else if (taken.value === undefined) incomplete = argv[at];
    else given[taken.key] = taken.value;
    at += taken?.words ?? 1;
  }
  return { globals: valuesOf(given, env), rest: [...rest, ...argv.slice(at)], incomplete };
}

/** The global option at this place, its value (missing at the very end) and how many words it takes. */
function takeGlobal(
  argv: readonly string[],
  at: number,
): { key: GlobalKey; value: string | undefined; words: number } | undefined {
  const word = argv[at] as string;
  const mark = word.indexOf('=');
  const option = byFlag.get(mark < 0 ? word : word.slice(0, mark));
  if (!option) return undefined;
  const { key, takesValue } = option;
  if (!takesValue) return mark < 0 ? { key, value: '1', words: 1 } : undefined;
  if (mark >= 0) return { key, value: word.slice(mark + 1), words: 1 };
  return { key, value: argv[at + 1], words: 2 };
}

function valuesOf(
  given: Partial<Record<GlobalKey, string>>,
  env: Readonly<Record<string, string | undefined>>,
): GlobalValues {
  const entries = Object.entries(globalOptions).map(([key, option]: [string, GlobalOption]) => {
    const fromEnv = option.env === undefined ? undefined : env[option.env] || undefined;
    const value = given[key as GlobalKey] ?? fromEnv;
    return [key, option.flags.includes('<') ? value : value !== undefined];
  });
  return Object.fromEntries(entries) as GlobalValues;
}
