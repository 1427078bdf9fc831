/**
 * A machine behind NAT: a network namespace whose only line leads out. Packets that come in over that line are taken when
 * they belong to a connection that was made from inside, and vanish when they ask for a new one.
 *
 * Told apart are the two by their port: what the machine dials from has a number of the ephemeral range, what it listens
 * on does not, and a routing rule in front of the namespace's own addresses drops all that comes in for the latter. That
 * needs `ip` and root, but no packet filter, which small machines lack.
 */
import { execFileSync } from 'node:child_process';
import { randomInt } from 'node:crypto';

/** The machine behind NAT. */
export interface NatMachine {
  /** Address of this machine, as seen from inside. */
  readonly outerHost: string;
  /** Address of the machine, which nobody can connect to. */
  readonly innerHost: string;
  /** Program that starts a program inside, with its arguments. */
  readonly wrapper: readonly string[];
  /** Body of a GET, or of a POST with this token, made inside. */
  ask(url: string, token?: string): unknown;
  stop(): void;
}

const listenPorts = '1-32767'; // below the ephemeral ports of Linux

/** The machine; undefined where namespaces cannot be made or AITBC_CHAOS_LINES=proxies wants none: the caller must say so. */
export function startNatMachine(): NatMachine | undefined {
  if (process.env.AITBC_CHAOS_LINES === 'proxies') return undefined;
  const space = `nat${randomInt(10_000, 99_999)}`;
  const port = `${space}p`;
  const net = `10.79.${randomInt(1, 250)}`;
  const [outerHost, innerHost] = [`${net}.1`, `${net}.2`];
  const inside = (...words: string[]) => ip('-n', space, ...words);
  const stop = (): void => {
    tryIp('link', 'del', port);
    tryIp('netns', 'del', space);
  };
  try {
    ip('netns', 'add', space);
    ip('link', 'add', port, 'type', 'veth', 'peer', 'name', 'out', 'netns', space);
    ip('addr', 'add', `${outerHost}/30`, 'dev', port);
    ip('link', 'set', port, 'up');
    inside('addr', 'add', `${innerHost}/30`, 'dev', 'out');
    for (const device of ['lo', 'out']) inside('link', 'set', device, 'up');
    // Own addresses are looked up by the first rule; to stand before it, ours comes first and it is made again behind.
    inside('rule', 'add', 'pref', '100', 'lookup', 'local');
    const asksIn = ['iif', 'out', 'ipproto', 'tcp', 'dport', listenPorts];
    inside('rule', 'add', 'pref', '10', ...asksIn, 'blackhole');
    inside('rule', 'del', 'pref', '0');
  } catch {
    stop();
    return undefined; // not root, no `ip`, or a kernel without namespaces
  }
  const wrapper = ['ip', 'netns', 'exec', space];
  return {
    outerHost,
    innerHost,
    wrapper,
    stop,
    ask(url, token) {
      const init = token ? { method: 'POST', headers: { authorization: `Bearer ${token}` } } : {};
      const program = `fetch(${JSON.stringify(url)}, ${JSON.stringify(init)})
        .then((answer) => answer.text()).then((text) => process.stdout.write(text))`;
      const [first = '', ...words] = [...wrapper, process.execPath, '-e', program];
      return JSON.parse(execFileSync(first, words, { encoding: 'utf8', timeout: 20_000 }));
    },
  };
}

function ip(...words: readonly string[]): void {
  execFileSync('ip', words, { stdio: ['ignore', 'ignore', 'pipe'] });
}

function tryIp(...words: readonly string[]): void {
  try {
    ip(...words);
  } catch {
    // it was never made, or went away with its other end
  }
}
