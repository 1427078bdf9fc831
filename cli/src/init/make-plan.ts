/** Asks what is not said: role, network, addresses, name of the account. Without a terminal all of it is said. */
import { existsSync } from 'node:fs';
import { AppError, ports } from '@aitbc/protocol';
import type { Context } from '../context/context.ts';
import type { AddressSetting, InitNetwork, InitPlan, InitRole } from './types.ts';

/** What the command line said. */
export interface InitWish {
  readonly role: string | undefined;
  readonly network: string | undefined;
  readonly genesis: string | undefined;
  readonly label: string | undefined;
  readonly wordsFile: string | undefined;
  readonly passwordFile: string | undefined;
  readonly yes: boolean;
}

const labelUsual = 'main';

const roleChoices = [
  { value: 'devnet', label: 'Just looking', hint: 'a whole network on this machine' },
  { value: 'agent', label: 'I buy', hint: 'my program or agent asks models and pays' },
  { value: 'provider', label: 'I sell', hint: 'my machine answers and is paid' },
  { value: 'operator', label: 'I run nodes', hint: 'validators, coordinators' },
] as const satisfies readonly { value: InitRole; label: string; hint: string }[];

const networkChoices = [
  { value: 'devnet', label: 'A devnet on this machine', hint: 'aitbc up, coins for nothing' },
  { value: 'join', label: 'A network that others run', hint: 'its addresses and genesis document' },
] as const satisfies readonly { value: InitNetwork; label: string; hint: string }[];

/** Names for `--role`. */
export const initRoles: readonly InitRole[] = roleChoices.map(({ value }) => value);
/** Names for `--network`. */
export const initNetworks: readonly InitNetwork[] = networkChoices.map(({ value }) => value);

/** The plan. Throws CLI_USAGE for what nobody says and nobody can be asked, and CANCELLED. */
export async function makePlan(context: Context, wish: InitWish): Promise<InitPlan> {
  const { ask } = context;
  if (!ask.isPossible && !(wish.yes && wish.role !== undefined)) {
    const reason = `Nobody can be asked here: give --role (${initRoles.join(', ')}) and --yes.`;
    throw new AppError('CLI_USAGE', { reason });
  }
  const isAsked = ask.isPossible && !wish.yes;
  const role = await roleOf(context, wish, isAsked);
  const network = await networkOf(context, wish, { role, isAsked });
  const isJoining = network === 'join';
  const addresses = typedAddresses(context);
  const genesisFile =
    wish.genesis ?? (isJoining && isAsked ? await askGenesis(context) : undefined);
  return {
    ...{ role, network, genesisFile },
    label: wish.label ?? labelUsual,
    wordsFile: wish.wordsFile,
    passwordFile: wish.passwordFile,
    addresses: isJoining && isAsked ? await askAddresses(context, addresses, role) : addresses,
  };
}

async function roleOf({ ask }: Context, { role }: InitWish, isAsked: boolean): Promise<InitRole> {
  const named = initRoles.find((one) => one === role);
  if (named !== undefined) return named;
  if (isAsked) return ask.choose('What do you want to do?', roleChoices);
  throw new AppError('CLI_USAGE', { reason: `Give --role: ${initRoles.join(', ')}.` });
}

async function networkOf(
  { ask }: Context,
  { network, genesis }: InitWish,
  { role, isAsked }: { readonly role: InitRole; readonly isAsked: boolean },
): Promise<InitNetwork> {
  const named = initNetworks.find((one) => one === network);
  if (named !== undefined) return named;
  if (role === 'devnet') return 'devnet';
  if (genesis !== undefined) return 'join';
  return isAsked ? ask.choose('Which network?', networkChoices) : 'devnet';
}

/** Addresses that were typed on this command line. */
function typedAddresses({ configured: { flags } }: Context): InitPlan['addresses'] {
  const all: readonly (readonly [AddressSetting, string | undefined])[] = [
    ['node-url', flags.nodeUrl],
    ['coordinator-url', flags.coordinatorUrl],
    ['wallet-url', flags.walletUrl],
    ['gateway-url', flags.gatewayUrl],
  ];
  return Object.fromEntries(all.filter(([, url]) => url !== undefined));
}

const questions = {
  'node-url': { message: 'Address of a chain node', port: ports.node },
  'coordinator-url': { message: 'Address of the coordinator', port: ports.coordinator },
} as const;

async function askAddresses(
  { ask, configured }: Context,
  typed: InitPlan['addresses'],
  role: InitRole,
): Promise<InitPlan['addresses']> {
  const wanted =
    role === 'operator' ? (['node-url'] as const) : (['node-url', 'coordinator-url'] as const);
  let addresses = typed;
  for (const name of wanted) {
    if (addresses[name] !== undefined) continue;
    const { message, port } = questions[name];
    const initial = configured.config.values[name] ?? `http://127.0.0.1:${port}`;
    addresses = { ...addresses, [name]: await ask.text(message, { initial, check: urlFault }) };
  }
  return addresses;
}

function urlFault(text: string): string | undefined {
  const isUrl = URL.canParse(text) && /^https?:$/.test(new URL(text).protocol);
  return isUrl ? undefined : 'An address such as http://10.0.0.7:8006';
}

async function askGenesis({ ask }: Context): Promise<string | undefined> {
  const file = await ask.text('Genesis document of the network (a file; empty if you have none)', {
    initial: '',
    check: (text) => (text === '' || existsSync(text) ? undefined : 'There is no such file'),
  });
  return file === '' ? undefined : file;
}
