/**
 * Frames on the one WebSocket between a provider daemon and a coordinator (`/v1/providers/connect`).
 * JSON, one frame a message. The provider opens it, so it may sit behind NAT. Binary frames on it are relayed calls
 * (`relay/relay-frames.ts`), where the provider's hello asks for them.
 *
 *   coordinator                         provider
 *     challenge {nonce}           →
 *                                 ←     hello {provider, signature, endpoint, relay}   signed by the registered key
 *     welcome {leaseMs}           →                                             or refused {code}, then close
 *                                 ←     offers {offers}                         whenever they change
 *                                 ←     heartbeat {gauges}                      every `heartbeatMs`
 *     job {jobId, body, payment}  →
 *                                 ←     jobAccepted {jobId}                     admitted: payment verified
 *                                 ←     jobResult {jobId, answer, receipt} or jobFailed {jobId, error}
 *     jobAck {jobId}              →                                             stored; the provider may forget it
 *
 * The lease runs out `leaseMs` after the last frame; the provider reconnects with back-off.
 */
import { createWriter } from '@aitbc/primitives';
import { z } from 'zod';
import type { Hex } from '../fields.ts';
import { limits } from '../limits.ts';
import { bytes32, type Network, signingBytes } from '../network.ts';
import { zSignedOffer } from '../payments/offer.ts';
import { zSignedReceipt } from '../payments/receipt.ts';
import { zAddress, zCount, zHash, zSignature, zText } from '../scalars.ts';
import { zGauges } from './coordinator.ts';

export const providerSocketPath = '/v1/providers/connect';

/** Where a coordinator relays calls to the provider with this address; what follows is the path at the provider. */
export function relayPathOf(address: string): string {
  return `/v1/relay/${address}`;
}

const zWireError = z.object({ code: z.string(), message: z.string() });

/** From provider to coordinator. */
export const zProviderFrame = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('hello'),
    provider: zAddress,
    endpoint: zText(limits.endpointBytes),
    signature: zSignature,
    relay: z.boolean().optional().meta({ description: 'takes relayed calls on this connection' }),
  }),
  z.strictObject({
    type: z.literal('offers'),
    offers: z.array(zSignedOffer).max(limits.offersPerProvider),
  }),
  z.strictObject({ type: z.literal('heartbeat'), gauges: zGauges }),
  z.strictObject({ type: z.literal('jobAccepted'), jobId: zHash }),
  z.strictObject({
    type: z.literal('jobResult'),
    jobId: zHash,
    answer: z.unknown(),
    receipt: zSignedReceipt,
    firstTokenMs: zCount,
    durationMs: zCount,
  }),
  z.strictObject({
    type: z.literal('jobFailed'),
    jobId: zHash,
    error: zWireError,
    retryable: z.boolean(),
  }),
]);

/** From coordinator to provider. */
export const zCoordinatorFrame = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('challenge'), nonce: zHash }),
  z.strictObject({ type: z.literal('welcome'), leaseMs: zCount, heartbeatMs: zCount }),
  z.strictObject({ type: z.literal('refused'), error: zWireError }),
  z.strictObject({
    type: z.literal('job'),
    jobId: zHash,
    offerId: zHash,
    body: z.string(),
    payment: z.string(),
    deadlineMs: zCount,
  }),
  z.strictObject({ type: z.literal('jobAck'), jobId: zHash }),
]);

export type ProviderFrame = z.infer<typeof zProviderFrame>;
export type CoordinatorFrame = z.infer<typeof zCoordinatorFrame>;

/** Bytes a provider signs with its registered authorizer key to answer a challenge. */
export function loginBytes(network: Network, provider: Hex, nonce: Hex): Uint8Array {
  const writer = createWriter().fixed(bytes32(provider), 32).fixed(bytes32(nonce), 32);
  return signingBytes('login', network, writer.finish());
}
