/**
 * Payments that were not answered, or with "come again". Client libraries repeat such calls; paid again as a new
 * call it would cost twice. So the payment is kept, and the next payment for the same body is that one: the seller
 * sees the same job.
 *
 * The wrapped `fetch` also compares what a 402 says about the request with the request itself, so that nobody in
 * between gets a signature for another one.
 */
import { base64, bytesFromBase64, sha256Hex, textFromUtf8 } from '@aitbc/primitives';
import { AppError, type Hex, paymentHeaders } from '@aitbc/protocol';
import type { Requirements } from '../shapes.ts';

const lostKept = 256;

/** Remembers payments of lost calls by the digest of their body. */
export interface LostCalls {
  /** Takes the payment of a lost call of this body out, if it was made for these terms. */
  take(bodyDigest: Hex, termsId: string): Record<string, unknown> | undefined;
  /** A payment leaves; `termsId` says what it was made for. */
  sent(payload: Record<string, unknown>, termsId: string): void;
  /** Wraps the `fetch` that the paying one calls. */
  guard(inner: typeof fetch): typeof fetch;
}

interface Lost {
  readonly payload: Record<string, unknown>;
  readonly termsId: string;
}

/** No lost calls yet. */
export function createLostCalls(network: string): LostCalls {
  const lost = new Map<Hex, Lost>();
  const terms = new Map<string, string>();
  const keep = <T>(map: Map<string, T>, key: string, value: T): void => {
    map.delete(key);
    map.set(key, value);
    const [oldest] = map.keys();
    if (map.size > lostKept && oldest !== undefined) map.delete(oldest);
  };
  const noteLost = (payment: string, bodyDigest: Hex): void => {
    const payload = payloadOf(payment);
    const termsId = payload && terms.get(JSON.stringify(payload));
    if (payload && termsId) keep(lost, bodyDigest, { payload, termsId });
  };
  const guard =
    (inner: typeof fetch): typeof fetch =>
    async (input, init) => {
      const request = new Request(input, init);
      const bodyDigest = sha256Hex(new Uint8Array(await request.clone().arrayBuffer()));
      const payment = request.headers.get(paymentHeaders.signature);
      try {
        const response = await inner(request);
        if (response.status === 402) assertSameBody(response, network, bodyDigest);
        if (payment !== null && isComeAgain(response)) noteLost(payment, bodyDigest);
        return response;
      } catch (error) {
        if (payment !== null) noteLost(payment, bodyDigest);
        throw error;
      }
    };
  return {
    guard,
    sent: (payload, termsId) => keep(terms, JSON.stringify(payload), termsId),
    take(bodyDigest, termsId) {
      const known = lost.get(bodyDigest);
      if (known?.termsId !== termsId) return undefined;
      lost.delete(bodyDigest);
      return known.payload;
    },
  };
}

/** Nothing was sold, but the same payment may be taken later. What was sold says so in PAYMENT-RESPONSE. */
function isComeAgain({ status, headers }: Response): boolean {
  const isRetryable = status === 409 || status === 425 || status === 429 || status >= 500;
  return isRetryable && !headers.has(paymentHeaders.response);
}

function headerJson(header: string): unknown {
  const decoded = bytesFromBase64(header);
  try {
    return decoded && JSON.parse(textFromUtf8(decoded));
  } catch {
    return undefined; // not ours to judge: the caller's client says what is wrong with it
  }
}

function payloadOf(header: string): Record<string, unknown> | undefined {
  return (headerJson(header) as { payload?: Record<string, unknown> } | undefined)?.payload;
}

function assertSameBody(response: Response, network: string, bodyDigest: Hex): void {
  const header = response.headers.get(paymentHeaders.required);
  const required = header === null ? undefined : headerJson(header);
  for (const { network: at, extra } of (required as { accepts?: Requirements[] })?.accepts ?? []) {
    const said = at === network ? extra?.bodyDigest : undefined;
    if (said === undefined || said === bodyDigest) continue;
    throw new AppError('PAYMENT_MALFORMED', { reason: 'the 402 is for another request' });
  }
}

/** Random text that names a job. */
export function freshKey(randomBytes: (sizeBytes: number) => Uint8Array): string {
  return base64(randomBytes(18));
}
