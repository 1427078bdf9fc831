/**
 * What may stand in config.toml. Each setting stands in for one variable of the environment, so that there is one order
 * for all of them: flag, variable, configuration, running devnet, standard value. Secrets themselves are not among
 * them, only files that hold one: a configuration file gets copied and shown around.
 *
 * `json` is not there either: a script that needs it says so, and would break on another machine if it did not.
 */

/** A setting of config.toml. */
export interface Setting {
  /** Variable that wins over it. */
  readonly env: string;
  /** Global option that wins over both. */
  readonly flag?: string;
  readonly help: string;
  /** `path`s become absolute, seen from the folder of the file; `switch` is true or false. */
  readonly kind: 'text' | 'url' | 'path' | 'switch';
}

/** The settings by name, in the order in which they are shown. */
export const settings = Object.freeze({
  home: { env: 'AITBC_HOME', flag: '--home', kind: 'path', help: 'folder of this user' },
  'node-url': { env: 'AITBC_NODE_URL', flag: '--node-url', kind: 'url', help: 'chain node' },
  'wallet-url': {
    env: 'AITBC_WALLET_URL',
    flag: '--wallet-url',
    kind: 'url',
    help: 'wallet daemon',
  },
  'coordinator-url': {
    env: 'AITBC_COORDINATOR_URL',
    flag: '--coordinator-url',
    kind: 'url',
    help: 'coordinator',
  },
  'gateway-url': {
    env: 'AITBC_GATEWAY_URL',
    flag: '--gateway-url',
    kind: 'url',
    help: 'gateway',
  },
  'provider-url': { env: 'AITBC_PROVIDER_URL', kind: 'url', help: 'your own provider' },
  account: { env: 'AITBC_ACCOUNT', kind: 'text', help: 'address or label of the account to use' },
  model: { env: 'AITBC_MODEL', kind: 'text', help: 'model that ai ask and ai submit use' },
  'wallet-token-file': {
    env: 'AITBC_WALLET_TOKEN_FILE',
    kind: 'path',
    help: 'file with the token of the wallet daemon',
  },
  'gateway-key-file': {
    env: 'AITBC_GATEWAY_KEY_FILE',
    kind: 'path',
    help: 'file with an API key of the gateway',
  },
  'gateway-token-file': {
    env: 'AITBC_GATEWAY_TOKEN_FILE',
    kind: 'path',
    help: "file with the gateway owner's token",
  },
  'provider-token-file': {
    env: 'AITBC_PROVIDER_TOKEN_FILE',
    kind: 'path',
    help: "file with the token of your provider's owner",
  },
  'plugin-dir': {
    env: 'AITBC_PLUGIN_DIR',
    flag: '--plugin-dir',
    kind: 'path',
    help: 'more commands from this folder',
  },
  'no-color': { env: 'NO_COLOR', flag: '--no-color', kind: 'switch', help: 'plain text' },
} as const satisfies Readonly<Record<string, Setting>>);

/** Name of a setting. */
export type SettingName = keyof typeof settings;

/** True for a name of the table. */
export function isSettingName(name: string): name is SettingName {
  return Object.hasOwn(settings, name);
}

/** Why a text is no value of a setting; undefined when it is one. */
export function valueFault(name: SettingName, text: string): string | undefined {
  const { kind } = settings[name] as Setting;
  if (text === '') return `${name} must not be empty; remove it with: aitbc config unset ${name}`;
  if (kind === 'switch' && text !== 'true' && text !== 'false') {
    return `${name} is true or false, not "${text}"`;
  }
  if (kind === 'url' && !/^https?:$/.test(protocolOf(text))) {
    return `${name} is an address such as http://127.0.0.1:8006, not "${text}"`;
  }
  return undefined;
}

function protocolOf(text: string): string {
  return URL.canParse(text) ? new URL(text).protocol : '';
}
