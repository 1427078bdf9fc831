/** A shop for tests: a stock resource server of `@x402/core` behind node:http that sells one page at two prices. */
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  type FacilitatorClient,
  type HTTPAdapter,
  type RoutesConfig,
  x402HTTPResourceServer,
  type x402ResourceServer,
} from '@x402/core/server';

/** What a page answers: its text and what it really costs. */
export type Page = () => {
  readonly text: string;
  readonly costNait?: string;
  readonly status?: number;
};

/** A running shop. */
export interface Shop {
  readonly url: string;
  close(): Promise<void>;
}

/** Sells `page` under the routes of a stock server. */
export async function startShop(
  server: x402ResourceServer,
  routes: RoutesConfig,
  page: Page,
): Promise<Shop> {
  const http = new x402HTTPResourceServer(server, routes);
  await http.initialize();
  const listener = createServer((request, response) => {
    sell(http, request, page).then(
      ({ status, headers, body }) => response.writeHead(status, headers).end(body),
      (error: unknown) => response.writeHead(500).end(String(error)),
    );
  });
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
  const { port } = listener.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    close: () => new Promise((resolve) => listener.close(() => resolve())),
  };
}

interface Answer {
  readonly status: number;
  readonly headers: Record<string, string>;
  readonly body: string;
}

async function sell(
  http: x402HTTPResourceServer,
  request: IncomingMessage,
  page: Page,
): Promise<Answer> {
  const context = { adapter: adapterOf(request), path: request.url ?? '/', method: 'GET' };
  const result = await http.processHTTPRequest(context);
  if (result.type === 'no-payment-required') return { status: 200, headers: {}, body: 'free' };
  if (result.type === 'payment-error') {
    const { status, headers, body } = result.response;
    return { status, headers, body: JSON.stringify(body ?? {}) };
  }
  const { text, costNait, status = 200 } = page();
  if (status !== 200) {
    await result.cancellationDispatcher.cancel({
      reason: 'handler_failed',
      responseStatus: status,
    });
    return { status, headers: {}, body: text };
  }
  const settled = await http.processSettlement(
    result.paymentPayload,
    result.paymentRequirements,
    result.declaredExtensions,
    undefined,
    costNait === undefined ? undefined : { amount: costNait },
    result.beforeHandlerSettlement,
  );
  if (settled.success) return { status: 200, headers: settled.headers, body: text };
  const { status: failed, headers } = settled.response;
  return { status: failed, headers, body: settled.errorReason };
}

function adapterOf({ headers, url = '/', method = 'GET' }: IncomingMessage): HTTPAdapter {
  return {
    getHeader: (name) => headers[name.toLowerCase()] as string | undefined,
    getMethod: () => method,
    getPath: () => url,
    getUrl: () => `http://shop${url}`,
    getAcceptHeader: () => headers.accept ?? '',
    getUserAgent: () => headers['user-agent'] ?? '',
  };
}

export type { FacilitatorClient };
