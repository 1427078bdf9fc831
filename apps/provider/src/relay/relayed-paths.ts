/**
 * What may be called over the relay: what buyers call, and no more. The front itself would refuse an owner's call
 * without the token, but it takes callers of this machine for neighbours, and a relayed call comes from this machine.
 *
 * Paths are compared as they are written. Another spelling of a path (`%2f`, `//`, `..`) is another path, and not here.
 */
import { oneShotEndpoints, providerEndpoints } from '@aitbc/protocol';

/** Documents that `front/discovery.ts` shows. */
const documents = ['/openapi.json', '/llms.txt', '/.well-known/agent-registration.json'];

const rows = [
  ...Object.values({ ...providerEndpoints, ...oneShotEndpoints }).filter(
    ({ access }) => access !== 'token',
  ),
  ...documents.map((path) => ({ method: 'GET', path })),
];

const patterns = rows.map(({ method, path }) => {
  const parts = path.split(/:\w+/).map((part) => part.replaceAll('.', '\\.'));
  return `${method} ${parts.join('[\\w-]+')}`;
});

const sold = new RegExp(`^(?:${patterns.join('|')})(?:\\?.*)?$`);

/** True for a call that a buyer may make from anywhere. */
export function isForSale(method: string, path: string): boolean {
  return sold.test(`${method} ${path}`);
}
