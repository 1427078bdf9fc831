/**
 * Joins the gateway to node, wallet and coordinator. They may start later than the gateway, or be away for a
 * while: it tries until it has a buyer, and says meanwhile what is missing.
 */
import { type Clock, type KeyPair, systemClock } from '@aitbc/primitives';
import { AppError, amountOf, asAppError } from '@aitbc/protocol';
import {
  type Buyer,
  type BuyerOptions,
  type CoordinatorClient,
  createBuyer,
  type NodeClient,
  type TxSender,
  type WalletClient,
} from '@aitbc/sdk';
import type { Log } from '@aitbc/service';
import type { GatewayConfig } from './config.ts';
import { openPayer, type Payer } from './open-payer.ts';
import type { GatewayStore } from './store.ts';

const retryFirstMs = 200;
const retryMaxMs = 5_000;

/** What a connection is made of. */
export interface ConnectDeps {
  readonly node: NodeClient;
  readonly coordinator: Pick<CoordinatorClient, 'route' | 'report' | 'submitJob' | 'getJob'>;
  readonly wallet: Pick<WalletClient, 'listAccounts' | 'sign'>;
  readonly hotKey: KeyPair;
  readonly store: GatewayStore;
  readonly log: Log;
  readonly clock?: Clock | undefined;
  /** Replaces the wallet in tests. */
  readonly sender?: TxSender | undefined;
}

/** A buyer that may not be there yet. */
export interface BuyerLink {
  start(): void;
  stop(): Promise<void>;
  /** The buyer. Throws what keeps it from being there. */
  get(): Buyer;
  isReady(): boolean;
}

/** A link that connects in the background after `start`. */
export function createBuyerLink(config: GatewayConfig, deps: ConnectDeps): BuyerLink {
  const options = buyerOptionsOf(config);
  let buyer: Buyer | undefined;
  let isStopped = false;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let connecting: Promise<void> = Promise.resolve();
  let problem = new AppError('UNAVAILABLE', { what: 'The gateway', reason: 'it is starting' });

  const attempt = async (waitMs: number): Promise<void> => {
    try {
      const connected = await connect(config, options, deps);
      if (isStopped) await connected.close();
      else buyer = connected;
      deps.log.info({ payer: connected.payer }, 'ready to buy');
    } catch (error) {
      problem = asAppError(error);
      if (isStopped) return;
      deps.log.warn({ code: problem.code, ...problem.facts }, 'not ready to buy yet');
      timer = setTimeout(() => begin(Math.min(waitMs * 2, retryMaxMs)), waitMs);
    }
  };
  const begin = (waitMs: number): void => {
    connecting = attempt(waitMs);
  };
  return {
    start: () => begin(retryFirstMs),
    async stop() {
      isStopped = true;
      clearTimeout(timer);
      await buyer?.close();
      await deps.node.close();
      await connecting;
    },
    get() {
      if (buyer) return buyer;
      throw problem;
    },
    isReady: () => buyer !== undefined,
  };
}

async function connect(
  config: GatewayConfig,
  options: BuyerOptions,
  deps: ConnectDeps,
): Promise<Buyer> {
  const { node, coordinator, hotKey, store, log, clock = systemClock } = deps;
  const { network } = await node.network();
  const payer: Payer = deps.sender
    ? { sender: deps.sender, address: deps.sender.signer.address, options }
    : await openPayer(config, options, { ...deps, clock });
  store.claim({ genesisHash: network.genesisHash, payer: payer.address });
  const { sender, funder } = payer;
  const parts = { node, coordinator, sender, funder, hotKey, store, log, clock };
  return createBuyer(payer.options, parts);
}

function buyerOptionsOf(config: GatewayConfig): BuyerOptions {
  const amount = (name: 'channelFund' | 'vaultFund' | 'jobMax' | 'dayMax'): bigint => {
    try {
      return amountOf(config[name]);
    } catch (error) {
      const reason = `${name} must be a whole number of nait`;
      throw new AppError('CONFIG_INVALID', { reason }, { cause: error });
    }
  };
  return {
    channelFund: amount('channelFund'),
    vaultFund: amount('vaultFund'),
    jobMax: amount('jobMax'),
    dayMax: amount('dayMax'),
    mode: config.mode,
    allowPrivate: config.allowPrivate,
    forgiven: config.forgive,
    stallMs: config.stallMs,
    standby: config.standby,
    hedgeMs: config.hedgeMs,
  };
}
