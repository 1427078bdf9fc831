/** Makes the audits of this provider from its settings and parts. */
import { join } from 'node:path';
import { randomBytes } from '@aitbc/primitives';
import { amountOf, auditParamsOf, type ChainParams } from '@aitbc/protocol';
import { createCoordinatorClient, type TxSender } from '@aitbc/sdk';
import type { ProviderConfig } from '../config.ts';
import { coordinatorUrlOf } from '../coordinator/coordinator-link.ts';
import type { Engine } from '../engines/engine.ts';
import { openAuditStore } from './audit-store.ts';
import { type AuditDeps, type Audits, type AuditWork, createAudits } from './audits.ts';
import { createCoordinatorDesk, type DeskLogin } from './coordinator-desk.ts';
import { createDisputeChain, type DisputeChain } from './dispute-chain.ts';
import { createRecordJudge } from './judge-record.ts';

/** What audits are made of. */
export interface OpenAuditsDeps
  extends DeskLogin,
    Pick<AuditDeps, 'log' | 'nowMs' | 'isRegistered'>,
    Pick<AuditWork, 'digests'> {
  readonly engine: Engine;
  readonly chain: { readonly rpc: Parameters<typeof createDisputeChain>[0] };
  readonly sender: TxSender;
  readonly params: ChainParams;
}

/** Opened audits, and how to end them. */
export interface OpenedAudits {
  readonly audits: Audits;
  close(): Promise<void>;
}

/** Opens the audits, which do not run yet. Throws STORE_CORRUPT, CONFIG_INVALID. */
export async function openAudits(
  config: ProviderConfig,
  deps: OpenAuditsDeps,
): Promise<OpenedAudits> {
  const params = auditParamsOf(deps.params);
  const chain = createDisputeChain(deps.chain.rpc, { sender: deps.sender, params });
  const work = workOf(config, deps, chain);
  const store = await openAuditStore(join(config.dataDir, 'audits.db'));
  const { log, nowMs, address, isRegistered } = deps;
  const audits = createAudits(
    { pollMs: config.auditPollMs },
    { chain, store, work, log, nowMs, address, isRegistered },
  );
  return {
    audits,
    async close() {
      await audits.stop();
      await store.close();
    },
  };
}

/** Undefined where the owner wants no part, the engine cannot replay, or nobody gives records. */
function workOf(
  config: ProviderConfig,
  deps: OpenAuditsDeps,
  chain: DisputeChain,
): AuditWork | undefined {
  const baseUrl = coordinatorUrlOf(config.coordinatorUrl);
  if (config.audits === 'off' || !deps.engine.audit || baseUrl === undefined) return undefined;
  const { network, provider, digests } = deps;
  return {
    ...{ network, provider, digests, randomBytes },
    desk: createCoordinatorDesk(createCoordinatorClient({ baseUrl }), deps),
    judge: createRecordJudge({ ...deps, isKeyOf: chain.isKeyOf }),
    depositMax: amountOf(config.auditDepositMax),
  };
}
