/**
 * A switch for those who look at a devnet in their browser: kill the provider that is answering, and see the answer go
 * on elsewhere. The coordinator passes the wish of its console on; nobody else knows where this is, because its address holds
 * a random token and is written only to a file that its owner can read. It listens on loopback, takes no call of a web page
 * itself (anything with an Origin is refused) and exists only where `aitbc up` runs. What was killed is
 * started again after some seconds, as an owner would.
 */
import { timingSafeEqual } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { hex, randomBytes } from '@aitbc/primitives';

/** What the switch may do. */
export interface ControlDeps<Name extends string> {
  /** Name of a provider that runs, by its address. */
  nameOf(address: string): Promise<Name | undefined>;
  kill(name: Name): Promise<void>;
  restart(name: Name): Promise<unknown>;
  /** Default 6000: long enough to see that the others do without it. */
  readonly restartMs?: number;
}

/** A running switch. */
export interface Control {
  /** Address with its token. */
  readonly url: string;
  stop(): Promise<void>;
}

const restartMsUsual = 6_000;
const bodyBytesMax = 1_000;
const tokenBytes = 32;

/** Opens the switch and writes its address into a file. */
export async function openControl<Name extends string>(
  file: string,
  deps: ControlDeps<Name>,
): Promise<Control> {
  const path = `/${hex(randomBytes(tokenBytes))}/kill-provider`;
  const { restartMs = restartMsUsual } = deps;
  const timers = new Map<Name, NodeJS.Timeout>();
  const kill = async (address: string): Promise<Name | undefined> => {
    const name = await deps.nameOf(address);
    if (name === undefined || timers.has(name)) return name;
    const again = (): void => {
      timers.delete(name);
      deps.restart(name).catch(() => {}); // a devnet that ends meanwhile starts nothing
    };
    timers.set(name, setTimeout(again, restartMs));
    await deps.kill(name);
    return name;
  };
  const server = createServer((request, response) => {
    answer({ request, response }, path, kill)
      .then((killed) => killed && response.end(JSON.stringify({ killed, restartMs })))
      .catch(() => response.writeHead(500).end());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  server.unref(); // it keeps no process alive
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}${path}`;
  writeFileSync(file, `${url}\n`, { mode: 0o600 });
  return { url, stop: () => close(server, timers) };
}

async function close(server: Server, timers: ReadonlyMap<string, NodeJS.Timeout>): Promise<void> {
  for (const timer of timers.values()) clearTimeout(timer);
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
}

/** Refuses by itself; else the name that was killed. */
async function answer<Name>(
  { request, response }: { request: IncomingMessage; response: ServerResponse },
  path: string,
  kill: (address: string) => Promise<Name | undefined>,
): Promise<Name | undefined> {
  const refuse = (status: number): undefined => void response.writeHead(status).end();
  if (request.headers.origin !== undefined || request.method !== 'POST') return refuse(403);
  if (!isSame(request.url ?? '', path)) return refuse(403);
  const address = addressOf(await bodyOf(request));
  if (address === undefined) return refuse(400);
  return (await kill(address)) ?? refuse(404);
}

function isSame(given: string, path: string): boolean {
  const [left, right] = [Buffer.from(given), Buffer.from(path)];
  return left.length === right.length && timingSafeEqual(left, right);
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  let text = '';
  for await (const part of request) {
    text += String(part);
    if (text.length > bodyBytesMax) return '';
  }
  return text;
}

function addressOf(body: string): string | undefined {
  try {
    const { provider } = JSON.parse(body) as { provider?: unknown };
    return typeof provider === 'string' ? provider : undefined;
  } catch {
    return undefined;
  }
}
