/**
 * What a new provider needs before it can sell: a bond on chain, and a place in the coordinator's list. The
 * daemon registers by itself as soon as it can pay; here the coins come from the faucet when a devnet
 * runs in this home, and otherwise the user is told whom to pay.
 */
import { amountOf, asAppError } from '@aitbc/protocol';
import { createProviderClient } from '@aitbc/sdk';
import { aitText } from '../amounts.ts';
import { pause } from '../chain/await-final.ts';
import type { Context } from '../context/context.ts';
import { faucetTo } from '../devnet/fund.ts';

const pollMs = 250;
const feesNait = 1_000_000_000n; // 1 AIT: registration, and claims for a long time

/** Helps the provider at `url` to its bond and tells when its offers are on the market. */
export async function welcomeProvider(
  context: Context,
  url: string,
  tell: (line: string) => void,
): Promise<void> {
  const { signal } = context;
  const { provider: address } = await createProviderClient({ baseUrl: url }).status({}, { signal });
  if ((await bondOf(context, address)) === undefined) await fund(context, address, tell);
  for (;;) {
    const bond = await bondOf(context, address);
    const models = bond === undefined ? undefined : await offersOf(context, address);
    if (bond !== undefined && models !== undefined) {
      tell(`On the market with a bond of ${aitText(bond)}: ${models.join(', ')}`);
      return;
    }
    await pause(pollMs, signal);
  }
}

async function fund(
  context: Context,
  address: string,
  tell: (line: string) => void,
): Promise<void> {
  const { signal, devnet } = context;
  const { node } = await context.clients();
  const { params } = await node.rpc.chain_status({}, { signal });
  const enoughNait = amountOf(params.providerBondMin) + feesNait;
  if (!devnet) {
    const { balance } = await node.rpc.state_getAccount({ address }, { signal });
    if (amountOf(balance) >= enoughNait) return;
    tell(
      `This provider sells as soon as it has a bond. Send ${aitText(enoughNait)} to\n  ${address}\n` +
        `On a devnet: aitbc wallet faucet --account ${address}`,
    );
    return;
  }
  const who = 'provider';
  await faucetTo(
    { node },
    {
      ...{ who, address, enoughNait, signal },
      tell(event) {
        if (event.type === 'funded') {
          tell(`The faucet of the devnet gave ${aitText(event.amount)} for bond and fees.`);
        }
      },
    },
  );
}

/** The bond, undefined while the provider is not registered. */
async function bondOf({ clients, signal }: Context, address: string): Promise<string | undefined> {
  const { node } = await clients();
  try {
    return (await node.rpc.state_getProvider({ address }, { signal })).bond;
  } catch (error) {
    if (asAppError(error).code === 'PROVIDER_UNKNOWN') return undefined;
    throw error;
  }
}

/** Models of the provider on the market, undefined while it is not connected. */
async function offersOf(
  { clients, signal }: Context,
  address: string,
): Promise<readonly string[] | undefined> {
  const { coordinator } = await clients();
  const { offers } = await coordinator.listOffers({}, { signal });
  const models = offers.flatMap(({ offer: { payload } }) =>
    payload.provider === address ? [payload.model] : [],
  );
  return models.length === 0 ? undefined : models;
}
