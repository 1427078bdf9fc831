/**
 * The lines between the nodes of a network, and how to cut them. Three kinds:
 *
 *   plain       loopback; nothing can be cut
 *   namespaces  each node in a network namespace of its own, all on one Ethernet bridge; a cut moves the
 *               ports of one group to a second bridge, so packets vanish as on a broken cable. Needs root
 *               and `ip`. RPC goes over a line of its own, which is never cut
 *   proxies     a TCP proxy between each two nodes, which holds back what it gets
 */
import { execFileSync } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { type ChaosProxy, startChaosProxy } from '@aitbc/node/testing';

/** Where a node is, and how it is started there. */
export interface Place {
  /** Address for RPC. */
  readonly host: string;
  readonly meshHost: string;
  /** Program that starts the node's program, with its arguments. */
  readonly wrapper: readonly string[];
}

/** Lines between nodes, by their number from 0 on. */
export interface Lines {
  readonly kind: 'plain' | 'namespaces' | 'proxies';
  readonly places: readonly Place[];
  /** Address of node `to` as node `from` must dial it. */
  addressOf(from: number, to: number): string;
  /** From now on only nodes of the same group reach one another. */
  split(first: readonly number[], second: readonly number[]): void;
  heal(): void;
  /** Whether `slow` works here. */
  readonly canSlow: boolean;
  /** All that these nodes send takes so much longer; 0 ends it. */
  slow(nodes: readonly number[], delayMs: number): void;
  stop(): Promise<void>;
}

/** Which lines are wished; without a wish namespaces where the machine allows them. */
export type LinesWish = 'namespaces' | 'proxies' | undefined;

const loopback: Place = { host: '127.0.0.1', meshHost: '127.0.0.1', wrapper: [] };

/** Loopback without faults. */
export function plainLines(meshPorts: readonly number[]): Lines {
  const refuse = (): never => {
    throw new Error('plain lines cannot be cut');
  };
  return {
    kind: 'plain',
    places: meshPorts.map(() => loopback),
    addressOf: (_from, to) => `127.0.0.1:${meshPorts[to]}`,
    split: refuse,
    heal: refuse,
    canSlow: false,
    slow: refuse,
    stop: async () => {},
  };
}

/** Lines that can be cut: namespaces where the machine allows them, else proxies. */
export async function breakableLines(
  meshPorts: readonly number[],
  wish: LinesWish,
): Promise<Lines> {
  if (wish !== 'proxies' && canMakeNamespaces()) return namespaceLines(meshPorts);
  return proxyLines(meshPorts);
}

function ip(...words: readonly string[]): void {
  execFileSync('ip', words, { stdio: ['ignore', 'ignore', 'pipe'] });
}

function canMakeNamespaces(): boolean {
  const tag = `ab${randomInt(10_000, 99_999)}`;
  const made = [
    ['netns', 'add', tag],
    ['link', 'add', tag, 'type', 'bridge'],
  ];
  try {
    for (const words of made) ip(...words);
    return true;
  } catch {
    return false; // not root, no `ip`, or a kernel without bridges: proxies do it, and the report says so
  } finally {
    for (const [what = '', ,] of made) tryIp(what, 'del', tag);
  }
}

function tryIp(...words: readonly string[]): void {
  try {
    ip(...words);
  } catch {
    // it was never made, or went away with its other end
  }
}

/** The kernel's way to make a line slow; not in every kernel. */
export function canSlowCables(): boolean {
  if (!canMakeNamespaces()) return false;
  const tag = `ab${randomInt(10_000, 99_999)}`;
  try {
    ip('netns', 'add', tag);
    tc(tag, ['add', 'dev', 'lo', 'root', 'netem', 'delay', '1ms']);
    return true;
  } catch {
    return false;
  } finally {
    tryIp('netns', 'del', tag);
  }
}

function tc(space: string, words: readonly string[]): void {
  const all = ['netns', 'exec', space, 'tc', 'qdisc', ...words];
  execFileSync('ip', all, { stdio: ['ignore', 'ignore', 'pipe'] });
}

function namespaceLines(meshPorts: readonly number[]): Lines {
  const tag = `ab${randomInt(10_000, 99_999)}`;
  const net = randomInt(1, 250);
  const bridges = [`${tag}x`, `${tag}y`] as const;
  const nodes = meshPorts.map((_, at) => ({
    space: `${tag}n${at}`,
    port: `${tag}p${at}`,
    meshHost: `10.77.${net}.${at + 1}`,
    outerHost: `10.78.${net}.${at * 4 + 1}`,
    host: `10.78.${net}.${at * 4 + 2}`,
  }));
  for (const bridge of bridges) {
    ip('link', 'add', bridge, 'type', 'bridge');
    ip('link', 'set', bridge, 'up');
  }
  nodes.forEach((node, at) => {
    const { space, port, meshHost, outerHost, host } = node;
    const rpcPort = `${tag}r${at}`;
    ip('netns', 'add', space);
    ip('link', 'add', port, 'type', 'veth', 'peer', 'name', 'mesh', 'netns', space);
    ip('link', 'add', rpcPort, 'type', 'veth', 'peer', 'name', 'rpc', 'netns', space);
    ip('link', 'set', port, 'master', bridges[0], 'up');
    ip('addr', 'add', `${outerHost}/30`, 'dev', rpcPort);
    ip('link', 'set', rpcPort, 'up');
    ip('-n', space, 'addr', 'add', `${meshHost}/24`, 'dev', 'mesh');
    ip('-n', space, 'addr', 'add', `${host}/30`, 'dev', 'rpc');
    for (const device of ['lo', 'mesh', 'rpc']) ip('-n', space, 'link', 'set', device, 'up');
  });
  const plug = (at: number, bridge: string): void => {
    ip('link', 'set', nodes[at]?.port ?? '', 'master', bridge);
  };
  return {
    kind: 'namespaces',
    places: nodes.map(({ host, meshHost, space }) => ({
      host,
      meshHost,
      wrapper: ['ip', 'netns', 'exec', space],
    })),
    addressOf: (_from, to) => `${nodes[to]?.meshHost}:${meshPorts[to]}`,
    split(_first, second) {
      for (const at of second) plug(at, bridges[1]);
    },
    heal() {
      for (const at of nodes.keys()) plug(at, bridges[0]);
    },
    canSlow: canSlowCables(),
    slow(slowed, delayMs) {
      for (const at of slowed) {
        const line = ['dev', 'mesh', 'root'];
        const space = nodes[at]?.space ?? '';
        if (delayMs === 0) tc(space, ['del', ...line]);
        else tc(space, ['replace', ...line, 'netem', 'delay', `${delayMs}ms`]);
      }
    },
    async stop() {
      for (const { space } of nodes) tryIp('netns', 'del', space);
      for (const bridge of bridges) tryIp('link', 'del', bridge);
    },
  };
}

async function proxyLines(meshPorts: readonly number[]): Promise<Lines> {
  const proxies = new Map<string, ChaosProxy>();
  for (const from of meshPorts.keys()) {
    for (const [to, port] of meshPorts.entries()) {
      if (from === to) continue;
      proxies.set(`${from} ${to}`, await startChaosProxy({ host: '127.0.0.1', port }));
    }
  }
  const proxyOf = (from: number, to: number) => proxies.get(`${from} ${to}`);
  return {
    kind: 'proxies',
    places: meshPorts.map(() => loopback),
    addressOf: (from, to) => `127.0.0.1:${proxyOf(from, to)?.port}`,
    split(first, second) {
      for (const left of first) {
        for (const right of second) {
          proxyOf(left, right)?.set({ silent: 'both' });
          proxyOf(right, left)?.set({ silent: 'both' });
        }
      }
    },
    heal() {
      for (const proxy of proxies.values()) proxy.set({ silent: 'none' });
    },
    canSlow: true,
    slow(slowed, delayMs) {
      for (const from of slowed) {
        for (const to of meshPorts.keys()) {
          proxyOf(from, to)?.set({ delayMs });
          proxyOf(to, from)?.set({ delayMs });
        }
      }
    },
    async stop() {
      for (const proxy of proxies.values()) await proxy.stop();
    },
  };
}
