/**
 * Logins of providers over HTTP, for what they read about themselves.
 *
 * The same proof as on the socket: the provider signs a nonce with its registered key (check-login.ts). A
 * nonce is good for one answer within `challengeLifetimeMs`; a token for ten minutes. Both are 32 fresh
 * random bytes and live in memory only: a restart asks for a new login. Nothing here moves money or work.
 *
 * Bounds: 4 096 open nonces and 16 384 tokens; the oldest go first, so a flood of challenges can make others
 * log in again but cannot fill the memory.
 */
import type { Clock } from '@aitbc/primitives';
import { hex } from '@aitbc/primitives';
import {
  AppError,
  type coordinatorEndpoints,
  type Hex,
  limits,
  type ParsedInputOf,
} from '@aitbc/protocol';
import type { ChainLink } from '../chain/chain-link.ts';
import { checkLogin } from './check-login.ts';

type LoginInput = ParsedInputOf<typeof coordinatorEndpoints.providerLogin>;

/** Logins over HTTP. */
export interface HttpLogins {
  challenge(): { nonce: Hex; validUntilMs: number };
  /** Throws CHALLENGE_INVALID, PROVIDER_UNKNOWN, PROVIDER_BOND_LOW, PROVIDER_UNBONDING, UNAVAILABLE. */
  login(input: LoginInput): Promise<{ token: string; validUntilMs: number }>;
  /** Address of who holds the token. Throws UNAUTHORIZED. */
  providerOf(authorization: string | undefined): string;
}

/** What logins are made with. */
export interface HttpLoginsDeps {
  readonly chain: ChainLink;
  readonly clock: Clock;
  /** Fresh bytes. */
  randomBytes(sizeBytes: number): Uint8Array;
}

const tokenLifetimeMs = 10 * 60_000;
const noncesMax = 4_096;
const tokensMax = 16_384;
const secretBytes = 32;

/** No logins yet. */
export function createHttpLogins({ chain, clock, randomBytes }: HttpLoginsDeps): HttpLogins {
  const nonces = new Map<Hex, number>();
  const tokens = new Map<string, { provider: string; validUntilMs: number }>();
  return {
    challenge() {
      const nonce = hex(randomBytes(secretBytes));
      const issuedAtMs = clock.nowMs();
      putBounded(nonces, nonce, { value: issuedAtMs, max: noncesMax });
      return { nonce, validUntilMs: issuedAtMs + limits.challengeLifetimeMs };
    },
    async login({ provider, nonce, signature }) {
      const issuedAtMs = nonces.get(nonce);
      nonces.delete(nonce);
      if (issuedAtMs === undefined) throw new AppError('CHALLENGE_INVALID', { account: provider });
      const challenge = { nonce, issuedAtMs };
      const nowMs = clock.nowMs();
      await checkLogin(chain, { provider, signature }, { challenge, nowMs });
      const token = hex(randomBytes(secretBytes));
      const validUntilMs = nowMs + tokenLifetimeMs;
      putBounded(tokens, token, { value: { provider, validUntilMs }, max: tokensMax });
      return { token, validUntilMs };
    },
    providerOf(authorization) {
      const token = /^Bearer ([0-9a-f]{64})$/.exec(authorization ?? '')?.[1];
      const login = token === undefined ? undefined : tokens.get(token);
      if (login && clock.nowMs() < login.validUntilMs) return login.provider;
      throw new AppError('UNAUTHORIZED', { reason: 'log in at /v1/providers/login' });
    },
  };
}

function putBounded<V>(
  map: Map<string, V>,
  key: string,
  { value, max }: { value: V; max: number },
): void {
  map.set(key, value);
  if (map.size > max) map.delete(map.keys().next().value as string);
}
