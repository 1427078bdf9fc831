/** Registration on chain: identity card and bond, once, as soon as the account can pay for both. */
import { hex, sha256, utf8 } from '@aitbc/primitives';
import { AppError, asAppError, type ErrorCode, type Hex } from '@aitbc/protocol';
import { feeOf, type TxSender } from '@aitbc/sdk';
import type { Log } from '@aitbc/service';
import type { ChainClient } from '../chain/chain-client.ts';
import { pause } from '../pause.ts';

const pollMsFirst = 50; // a devnet's faucet answers in milliseconds
const pollMsMax = 2_000;

export interface Registration {
  readonly name: string;
  readonly endpoint: string;
  /** Hot key that signs offers, receipts and claims. */
  readonly authorizer: Hex;
  /** nait; undefined for the smallest the chain allows. */
  readonly bond: bigint | undefined;
}

export interface RegisterDeps {
  readonly chain: ChainClient;
  readonly sender: TxSender;
  readonly log: Log;
}

/** Registers, waiting for funds as long as it takes. Throws FORBIDDEN when another key is registered. */
export async function registerProvider(
  registration: Registration,
  deps: RegisterDeps,
  signal: AbortSignal,
): Promise<void> {
  for (let pollMs = pollMsFirst; ; pollMs = Math.min(pollMs * 2, pollMsMax)) {
    try {
      if (await tryToRegister(registration, deps, signal)) return;
    } catch (error) {
      if (signal.aborted || !asAppError(error).row.retryable) throw error;
      deps.log.warn({ err: error }, 'registration is tried again');
    }
    await pause(pollMs, signal);
  }
}

async function tryToRegister(
  registration: Registration,
  { chain, sender, log }: RegisterDeps,
  signal: AbortSignal,
): Promise<boolean> {
  const { address } = sender.signer;
  const { name, endpoint, authorizer } = registration;
  const known = await orUndefined('PROVIDER_UNKNOWN', () =>
    chain.rpc.state_getProvider({ address }),
  );
  if (known) return isOurs(known.authorizer, authorizer);
  const agent = await orUndefined('AGENT_UNKNOWN', () => chain.rpc.state_getAgent({ address }));
  const { params } = await chain.network();
  const bond = registration.bond ?? BigInt(params.providerBondMin);
  const agentFee = agent ? 0n : feeOf(params, 'agent_register', {});
  const needed = bond + agentFee + feeOf(params, 'provider_register', {});
  const balance = BigInt((await chain.rpc.state_getAccount({ address })).balance);
  if (balance < needed) {
    log.debug({ address, balance: `${balance}`, needed: `${needed}` }, 'waiting for the bond');
    return false;
  }
  if (!agent) {
    const cardHash = hex(sha256(utf8(`${name}\n${endpoint}`)));
    await sender.send('agent_register', { name, endpoint, cardHash }, { signal });
  }
  await sender.send('provider_register', { authorizer, endpoint, bond }, { signal });
  log.info({ address, bond: `${bond}` }, 'registered on chain');
  return false;
}

function isOurs(registered: Hex, authorizer: Hex): true {
  if (registered === authorizer) return true;
  throw new AppError('FORBIDDEN', {
    reason: `the chain has key ${registered} registered for this account, not ours (${authorizer})`,
  });
}

async function orUndefined<T>(code: ErrorCode, call: () => Promise<T>): Promise<T | undefined> {
  try {
    return await call();
  } catch (error) {
    if (asAppError(error).code === code) return undefined;
    throw error;
  }
}
