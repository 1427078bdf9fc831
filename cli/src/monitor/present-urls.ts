/**
 * Where the daemons are now. A devnet that was stopped and started again may have other ports; somebody who watches it
 * should see it come back. Addresses that were named (flag, variable, configuration) stay as they are.
 */
import { ports } from '@aitbc/protocol';
import type { Context } from '../context/context.ts';
import { runningDevnetOf, type Urls } from '../context/running-devnet.ts';

type Place = Pick<Context, 'home' | 'urls' | 'devnet'>;

/** The addresses of the context, with those of the devnet that runs in its home now. */
export function presentUrls({ home, urls, devnet }: Place): Urls {
  const now = runningDevnetOf(home)?.urls;
  if (!now) return urls;
  const present = (name: keyof Urls): string => {
    const assumed = devnet?.urls[name] ?? `http://127.0.0.1:${ports[name]}`;
    return urls[name] === assumed ? now[name] : urls[name];
  };
  return {
    node: present('node'),
    wallet: present('wallet'),
    coordinator: present('coordinator'),
    gateway: present('gateway'),
    provider: present('provider'),
  };
}
