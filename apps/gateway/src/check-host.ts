/**
 * Which Host headers are answered. The gateway spends money for whoever reaches it, so a web page must not:
 * JSON from another origin needs a CORS answer that is never given, and a page that rebinds its own name to
 * loopback still sends that name.
 */
import { AppError } from '@aitbc/protocol';

const loopbackNames = ['127.0.0.1', 'localhost', '[::1]'];

/** A check that throws FORBIDDEN for a foreign Host header. */
export function createHostCheck(
  bindHost: string,
  allowedHosts: readonly string[],
): (header: string | undefined) => void {
  const names = new Set([...loopbackNames, bindHost, ...allowedHosts]);
  return (header = '') => {
    const name = header.replace(/:\d+$/, '').toLowerCase();
    if (names.has(name)) return;
    throw new AppError('FORBIDDEN', {
      reason: `the gateway does not answer as ${name.slice(0, 80)}`,
    });
  };
}
