/** What a page itself hears from a node that it calls past everything of ours: only what the browser lets it see. */
import type { Page } from 'playwright-core';

/** One call of a page. */
export interface PageCall {
  /** `http:` posts, `ws:` opens a socket and sends on it. */
  readonly url: string;
  readonly method: string;
  readonly params?: unknown;
}

/** `OK`, the code of an error, or `blocked` where the browser or the node lets nothing through. */
export function callFrom(page: Page, call: PageCall): Promise<string> {
  return page.evaluate(async ({ url, method, params = {} }) => {
    const request = JSON.stringify({ jsonrpc: '2.0', id: 1, method, params });
    const codeOf = (text: string): string => JSON.parse(text).error?.data.code ?? 'OK';
    if (url.startsWith('ws')) {
      return new Promise<string>((resolve) => {
        const socket = new WebSocket(url);
        socket.onopen = () => socket.send(request);
        socket.onmessage = ({ data }) => {
          resolve(codeOf(String(data)));
          socket.close();
        };
        socket.onclose = () => resolve('blocked');
      });
    }
    const headers = { 'content-type': 'application/json' };
    try {
      return codeOf(await (await fetch(url, { method: 'POST', headers, body: request })).text());
    } catch {
      return 'blocked'; // that is all a page is told
    }
  }, call);
}
