/** The coordinator's desk for audits as a provider uses it: logs in with its registered key when it has to. */
import { hex, sign } from '@aitbc/primitives';
import {
  type AuditRecord,
  asAppError,
  type auditEndpoints,
  type DocumentSigner,
  type Hex,
  loginBytes,
  type Network,
  type OutputOf,
  type SignedAuditReport,
} from '@aitbc/protocol';
import type { CoordinatorClient } from '@aitbc/sdk';

/** A record to replay. */
export type Duty = OutputOf<typeof auditEndpoints.auditDuties>['duties'][number];

/** The desk. Throws what the coordinator refuses with, UNAVAILABLE, TIMEOUT, CANCELLED. */
export interface CoordinatorDesk {
  duties(signal: AbortSignal): Promise<readonly Duty[]>;
  record(recordHash: Hex, signal: AbortSignal): Promise<AuditRecord>;
  /** False when the coordinator knows it. */
  report(report: SignedAuditReport, signal: AbortSignal): Promise<boolean>;
}

/** Who logs in. */
export interface DeskLogin {
  readonly network: Network;
  /** Account id and address of the provider. */
  readonly provider: Hex;
  readonly address: string;
  /** Its registered key. */
  readonly signer: DocumentSigner;
}

type Calls = Pick<
  CoordinatorClient,
  'providerChallenge' | 'providerLogin' | 'auditDuties' | 'auditRecord' | 'auditReport'
>;
type Headers = Readonly<Record<string, string>>;

/** A desk that is not logged in yet. */
export function createCoordinatorDesk(calls: Calls, login: DeskLogin): CoordinatorDesk {
  let headers: Headers | undefined;
  const logIn = async (signal: AbortSignal): Promise<Headers> => {
    const { network, provider, address, signer } = login;
    const { nonce } = await calls.providerChallenge({}, { signal });
    const signature = hex(sign(loginBytes(network, provider, nonce), signer.secretKey));
    const { token } = await calls.providerLogin(
      { provider: address, nonce, signature },
      { signal },
    );
    headers = { authorization: `Bearer ${token}` };
    return headers;
  };
  const loggedIn = async <T>(
    signal: AbortSignal,
    call: (options: { signal: AbortSignal; headers: Headers }) => Promise<T>,
  ): Promise<T> => {
    if (headers) {
      try {
        return await call({ signal, headers });
      } catch (error) {
        if (asAppError(error).code !== 'UNAUTHORIZED') throw error; // else the token has run out
      }
    }
    return call({ signal, headers: await logIn(signal) });
  };
  return {
    duties: (signal) =>
      loggedIn(signal, async (options) => (await calls.auditDuties({}, options)).duties),
    record: (hash, signal) =>
      loggedIn(signal, async (options) => (await calls.auditRecord({ hash }, options)).record),
    report: async (report, signal) => (await calls.auditReport({ report }, { signal })).accepted,
  };
}
