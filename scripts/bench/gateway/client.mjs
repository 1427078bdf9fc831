/** The one client of all systems: HTTP/1.1 on kept connections, times of the first content and of the end. */
import { createRequire } from 'node:module';

// The client library of the SDK; a script belongs to no package that could declare it.
const { Pool } = createRequire(new URL('../../../packages/sdk/package.json', import.meta.url))(
  'undici',
);

const contentMark = '"content":"word';
const timeoutMs = 60_000;

/** A client of one server. */
export function createClient(url, connections) {
  const pool = new Pool(url, { connections, headersTimeout: timeoutMs, bodyTimeout: timeoutMs });
  return { post: (call) => post(pool, call), close: () => pool.destroy() };
}

/** Posts; gives the text, the time to the first content and to the end, ms. Throws for any status but 200. */
function post(pool, { path, headers, body }) {
  return new Promise((resolve, reject) => {
    const begunMs = performance.now();
    const parts = [];
    let status = 0;
    let firstMs;
    const options = {
      ...{ path, method: 'POST', body },
      headers: { 'content-type': 'application/json', ...headers },
    };
    pool.dispatch(options, {
      onRequestStart() {},
      onResponseStart(_controller, code) {
        status = code;
      },
      onResponseData(_controller, chunk) {
        if (firstMs === undefined && chunk.includes(contentMark)) {
          firstMs = performance.now() - begunMs;
        }
        parts.push(chunk);
      },
      onResponseEnd() {
        const ms = performance.now() - begunMs;
        const text = Buffer.concat(parts).toString();
        if (status === 200) resolve({ text, ms, firstMs });
        else reject(new Error(`${path} answered ${status}: ${text.slice(0, 400)}`));
      },
      onResponseError: (_controller, error) => reject(error),
    });
  });
}

/** A header of an answer without payment, such as the terms of a 402. */
export async function headerOf(url, { path, body, name }) {
  const headers = { 'content-type': 'application/json' };
  const answer = await fetch(url + path, { method: 'POST', headers, body });
  await answer.arrayBuffer();
  return answer.headers.get(name);
}
