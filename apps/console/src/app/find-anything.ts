/** Finds the page of whatever somebody looks for. */
import type { NavigateOptions } from '@tanstack/react-router';
import { chain, market } from '../data/sources.ts';
import { kindOf } from '../format/names.ts';

/** Where to go; undefined when nothing has this name. */
export async function findAnything(text: string): Promise<NavigateOptions | undefined> {
  const wanted = text
    .trim()
    .toLowerCase()
    .replace(/^#|^0x/, '');
  switch (kindOf(text)) {
    case 'height': {
      const isThere = await holds(chain('chain_getHeader', { height: Number(wanted) }));
      return isThere ? { to: '/explorer/block/$id', params: { id: wanted } } : undefined;
    }
    case 'address': {
      const isThere = await holds(chain('state_getAccount', { address: wanted }));
      return isThere ? { to: '/explorer/account/$id', params: { id: wanted } } : undefined;
    }
    case 'hash':
      return findHash(wanted);
    case 'model': {
      const { data } = await market<'models'>('/v1/models').catch(() => ({ data: [] }));
      const known = data.find(({ id }) => id.toLowerCase().includes(wanted));
      return known ? { to: '/market', search: { model: known.id } as never } : undefined;
    }
    default:
      return undefined;
  }
}

/** A hash may be anything: all are asked at once, the first that knows it wins. */
async function findHash(id: string): Promise<NavigateOptions | undefined> {
  const [block, tx, channel, job] = await Promise.all([
    holds(chain('chain_getHeader', { hash: id })),
    holds(chain('tx_get', { txId: id })),
    holds(chain('state_getChannel', { channelId: id })),
    isJob(id),
  ]);
  const params = { id };
  if (tx) return { to: '/explorer/tx/$id', params };
  if (block) return { to: '/explorer/block/$id', params };
  if (channel) return { to: '/explorer/channel/$id', params };
  return job ? { to: '/jobs/$id', params } : undefined;
}

async function isJob(jobId: string): Promise<boolean> {
  if (await holds(market<'getJob'>(`/v1/jobs/${jobId}`))) return true;
  const recent = await market<'events'>('/v1/events', { kind: 'receipt' }).catch(() => undefined);
  return recent?.events.some(({ facts }) => 'jobId' in facts && facts.jobId === jobId) ?? false;
}

async function holds(call: Promise<unknown>): Promise<boolean> {
  return call.then(
    () => true,
    () => false,
  );
}
