/**
 * Who pays for what a gateway buys.
 *
 * An account of the wallet: the wallet signs what fills the channels, the gateway's hot key signs vouchers. Or an
 * owner who is not here and gave the hot key a mandate: then the hot key does both, no wallet is asked, and all that can be
 * lost with this machine is what the mandate leaves. The buyer is told the mandate's bound for a job and its
 * receivers, so that it asks for nothing that an honest provider would refuse. The hot key's own account pays the fees.
 */
import type { Clock, KeyPair } from '@aitbc/primitives';
import { AppError, accountIdOf, addressOf, mandateFromJson } from '@aitbc/protocol';
import {
  type BuyerOptions,
  createLocalSigner,
  createMandateFunder,
  createTxSender,
  createWalletSigner,
  type Funder,
  type NodeClient,
  type TxSender,
  type WalletClient,
} from '@aitbc/sdk';
import type { Log } from '@aitbc/service';
import type { GatewayConfig } from './config.ts';

/** What it is made of. */
export interface PayerDeps {
  readonly node: NodeClient;
  readonly wallet: Pick<WalletClient, 'listAccounts' | 'sign'>;
  readonly hotKey: KeyPair;
  readonly clock: Clock;
  readonly log: Log;
}

/** The account that pays, how its money gets into channels, and what that changes for the buyer. */
export interface Payer {
  readonly sender: TxSender;
  readonly funder?: Funder;
  readonly address: string;
  readonly options: BuyerOptions;
}

/**
 * Opens the payer that the settings name. Throws CONFIG_INVALID, what keeps wallet or node from answering, and
 * MANDATE_UNKNOWN until the owner has granted.
 */
export function openPayer(
  config: GatewayConfig,
  options: BuyerOptions,
  deps: PayerDeps,
): Promise<Payer> {
  const { mandateOwner } = config;
  return mandateOwner === undefined
    ? openWalletPayer(config, options, deps)
    : openMandatePayer(mandateOwner, options, deps);
}

async function openWalletPayer(
  config: GatewayConfig,
  options: BuyerOptions,
  { node, wallet }: PayerDeps,
): Promise<Payer> {
  const { network } = await node.network();
  const address = await accountOf(config, wallet);
  const signer = createWalletSigner({ wallet, network, address });
  return { sender: createTxSender({ node, signer }), address, options };
}

async function accountOf(
  { account }: GatewayConfig,
  wallet: Pick<WalletClient, 'listAccounts'>,
): Promise<string> {
  if (account) return account;
  const { accounts } = await wallet.listAccounts({});
  const first = accounts[0];
  if (first) return first.address;
  throw new AppError('WALLET_ACCOUNT_UNKNOWN', { account: 'at all' });
}

async function openMandatePayer(
  owner: string,
  options: BuyerOptions,
  { node, hotKey, clock, log }: PayerDeps,
): Promise<Payer> {
  if (!accountIdOf(owner).ok) {
    throw new AppError('CONFIG_INVALID', { reason: `mandateOwner is no address: ${owner}` });
  }
  const { network } = await node.network();
  const signer = createLocalSigner(network, hotKey.secretKey);
  const names = { owner, subKey: signer.address };
  const { jobMaxNait, receivers, models } = mandateFromJson(await node.rpc.state_getMandate(names));
  log.info({ ...names, models }, 'buys under a mandate');
  const sender = createTxSender({ node, signer });
  const nowMs = () => clock.nowMs();
  const isTighter = jobMaxNait > 0n && jobMaxNait < options.jobMax;
  const only = receivers.map((receiver) => addressOf(receiver));
  return {
    sender,
    funder: createMandateFunder({ node, sender, owner, nowMs }),
    address: owner,
    options: {
      ...options,
      ...(isTighter ? { jobMax: jobMaxNait } : {}),
      ...(only.length > 0 ? { wishes: { ...options.wishes, only } } : {}),
    },
  };
}
