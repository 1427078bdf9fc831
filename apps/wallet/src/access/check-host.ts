/**
 * Against DNS rebinding: a web page that makes its own name point to 127.0.0.1 would reach the wallet
 * from a browser inside. Its requests carry that name as Host, and its Origin, so the wallet answers only
 * to the names it really has, and to no page but its own.
 */
import { AppError } from '@aitbc/protocol';

/** What is looked at of a request. */
export interface HostFacts {
  readonly host: string | undefined;
  readonly origin: string | undefined;
  /** Port the connection came in on. */
  readonly port: number | undefined;
}

const loopbackNames = ['127.0.0.1', 'localhost', '[::1]'];

/** A check of Host and Origin; throws WALLET_HOST_FORBIDDEN. `allowedHosts` are `name:port`. */
export function createHostCheck(options: {
  readonly bindHost: string;
  readonly allowedHosts: readonly string[];
}): (facts: HostFacts) => void {
  const { bindHost, allowedHosts } = options;
  const names = [...loopbackNames, bindHost.includes(':') ? `[${bindHost}]` : bindHost];
  const extra = new Set(allowedHosts.map((host) => host.toLowerCase()));
  return ({ host, origin, port }) => {
    const given = host?.toLowerCase() ?? '';
    const own = names.some((name) => given === `${name}:${port}`);
    if (!own && !extra.has(given)) {
      throw new AppError('WALLET_HOST_FORBIDDEN', { host: given.slice(0, 100) || 'nothing' });
    }
    if (origin !== undefined && origin !== `http://${given}` && origin !== `https://${given}`) {
      throw new AppError('WALLET_HOST_FORBIDDEN', { host: origin.slice(0, 100) });
    }
  };
}
