/** Everything that the web console needs of its coordinator, put together. */
import type { Clock } from '@aitbc/primitives';
import { AppError, type consoleEndpoints } from '@aitbc/protocol';
import { answered, type Handlers, type Log } from '@aitbc/service';
import type { FastifyInstance } from 'fastify';
import type { CoordinatorConfig } from '../config.ts';
import type { EventLog } from '../events/event-log.ts';
import { createLiveFeed } from './live-feed.ts';
import { createPassToChain } from './pass-to-chain.ts';
import { consoleFolderOf, serveConsole } from './serve-console.ts';
import { createLiveStreams } from './stream-live.ts';

/** The console's side of a coordinator. */
export interface ConsoleParts {
  handlers<C>(): Handlers<typeof consoleEndpoints, C>;
  /** Mounts the pages, where they are built; to be called after all other routes. */
  mount(app: FastifyInstance): Promise<void>;
  /** Ends the streams; to be called before the server closes. */
  stop(): Promise<void>;
}

type Settings = Pick<
  CoordinatorConfig,
  'console' | 'consoleGateway' | 'consoleDevnetControl' | 'nodeUrl'
>;

const killTimeoutMs = 10_000;

/** Console parts; nothing is followed before the first viewer. */
export function createConsoleParts(
  config: Settings,
  { events, clock, log }: { events: EventLog; clock: Clock; log: Log },
): ConsoleParts {
  const { nodeUrl, consoleGateway, consoleDevnetControl } = config;
  const gateway = gatewayOriginOf(consoleGateway);
  const pass = createPassToChain(nodeUrl);
  const feed = createLiveFeed({ nodeUrl, events, clock, log });
  const streams = createLiveStreams(feed);
  return {
    handlers: () => ({
      console: () => ({ gateway: gateway || null, devnet: consoleDevnetControl !== '' }),
      chain: (call, { signal }) => pass(call, signal),
      live(_input, { reply, request }) {
        const lastId = request.headers['last-event-id'];
        streams.open({
          raw: reply.raw,
          lastId: typeof lastId === 'string' ? lastId : undefined,
          begin: () => void reply.hijack(),
        });
        return answered;
      },
      killProvider: ({ provider }) => killProvider(consoleDevnetControl, provider),
    }),
    async mount(app) {
      const folder = consoleFolderOf(config.console);
      if (folder !== undefined) await serveConsole(app, { folder, gateway });
      else if (config.console !== 'off') log.info('the web console is not built: no page at /');
    },
    async stop() {
      streams.close();
      await feed.stop();
    },
  };
}

/** The origin of the gateway, as the policy of the pages names it. Throws CONFIG_INVALID. */
function gatewayOriginOf(url: string): string {
  if (url === '') return '';
  if (/^https?:\/\/[^\s;,/]+\/?$/.test(url) && URL.canParse(url)) return new URL(url).origin;
  const reason = `consoleGateway must be the base URL of a gateway, not ${url.slice(0, 80)}`;
  throw new AppError('CONFIG_INVALID', { reason });
}

/** Asks the devnet that this coordinator belongs to. Throws NOT_FOUND where there is none. */
async function killProvider(
  control: string,
  provider: string,
): Promise<{ killed: string; restartMs: number }> {
  if (control === '') throw new AppError('NOT_FOUND', { what: 'a devnet' });
  const what = 'the control of the devnet';
  let answer: Response;
  try {
    answer = await fetch(control, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ provider }),
      signal: AbortSignal.timeout(killTimeoutMs),
    });
  } catch (error) {
    throw new AppError('UNAVAILABLE', { what, reason: 'it does not answer' }, { cause: error });
  }
  if (answer.status === 404) throw new AppError('PROVIDER_UNKNOWN', { account: provider });
  const { killed, restartMs } = (await answer.json()) as Record<string, unknown>;
  if (typeof killed === 'string' && typeof restartMs === 'number') return { killed, restartMs };
  throw new AppError('ANSWER_INVALID', { what, reason: `status ${answer.status}` });
}
