/** The buyer's account of the devnet: its key in the wallet, a scoped token for the gateway, coins. */
import { join } from 'node:path';
import { hex, randomBytes } from '@aitbc/primitives';
import { awaitFinal } from '../chain/await-final.ts';
import type { DevnetClients, DevnetEvent } from './bring-up.ts';
import { secretIn } from './secret-file.ts';

const label = 'devnet agent';
const gatewayPerDayNait = '1000000000000'; // 1 000 AIT, all that the faucet gives at once
const usualNait = 10_000_000_000n; // 10 AIT
const unlockMs = 30 * 24 * 3_600_000;

/** The account the gateway spends from. */
export interface BuyerAccount {
  readonly address: string;
  /** File with the gateway's wallet token. */
  readonly tokenFile: string;
}

type Clients = Pick<DevnetClients, 'node' | 'wallet'>;

/** Makes the account and the gateway's token at the first start, and unlocks the account at every start. */
export async function openBuyerAccount({ wallet }: Clients, home: string): Promise<BuyerAccount> {
  const password = await secretIn(join(home, 'wallet.password'), async () => hex(randomBytes(24)));
  const { accounts } = await wallet.listAccounts({});
  const known = accounts.find((account) => account.label === label);
  const { address } = known ?? (await wallet.createAccount({ label, password }));
  await wallet.unlock({ address, password, timeoutMs: unlockMs });
  const tokenFile = join(home, 'gateway.token');
  await secretIn(tokenFile, async () => {
    const scopes = {
      accounts: [address],
      kinds: ['vault_deposit' as const, 'channel_fund' as const],
      amountPerDay: gatewayPerDayNait,
    };
    return (await wallet.createToken({ label: 'gateway', scopes })).token;
  });
  return { address, tokenFile };
}

/** Whom the faucet gives to, and who is told. */
export interface FaucetCall {
  readonly who: string;
  readonly address: string;
  /** No coins are asked for when the account has this many nait; 10 AIT when left out. */
  readonly enoughNait?: bigint;
  readonly signal: AbortSignal;
  tell(event: DevnetEvent): void;
}

/** Sends coins from the faucet unless the account has enough, and waits until they are final. */
export async function faucetTo(
  { node }: Pick<Clients, 'node'>,
  { who, address, enoughNait = usualNait, signal, tell }: FaucetCall,
): Promise<void> {
  const balance = BigInt((await node.rpc.state_getAccount({ address })).balance);
  if (balance >= enoughNait) return tell({ type: 'solvent', who, address, balance });
  const begunMs = performance.now();
  const { txId, amount } = await node.rpc.dev_faucet({ address });
  const { receipt } = await awaitFinal(node, txId, signal);
  const ms = performance.now() - begunMs;
  tell({ type: 'funded', who, address, amount: BigInt(amount), height: receipt?.height ?? 0, ms });
}
