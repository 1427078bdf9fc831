/** One paid stream as its client sees it: how old each token is when it arrives. */
import { createRequire } from 'node:module';

// The client library of the SDK; a script belongs to no package that could declare it.
const { Pool } = createRequire(new URL('../../../packages/sdk/package.json', import.meta.url))(
  'undici',
);

const timeoutMs = 60_000;
const madeAt = /"content":"(\d{6,}) "/g;
const tailChars = 200; // longer than a token with the words around it

/** Connections to the server of a URL; its path goes before that of each call. */
export function createStreams(url, connections) {
  const { origin, pathname } = new URL(url);
  const prefix = pathname.replace(/\/$/, '');
  const pool = new Pool(origin, {
    connections,
    headersTimeout: timeoutMs,
    bodyTimeout: timeoutMs,
  });
  return {
    read: (call) => read(pool, { ...call, path: prefix + call.path }),
    close: () => pool.destroy(),
  };
}

/** Reads a stream to its end: its text, and the ages of its tokens, ms. Throws for any status but 200. */
function read(pool, { path, headers, body }) {
  return new Promise((resolve, reject) => {
    const answer = { status: 0, text: '', agesMs: [] };
    let tail = '';
    pool.dispatch(
      {
        ...{ path, method: 'POST', body },
        headers: { 'content-type': 'application/json', ...headers },
      },
      {
        onRequestStart() {},
        onResponseStart(_controller, code) {
          answer.status = code;
        },
        onResponseData(_controller, chunk) {
          const nowNs = process.hrtime.bigint();
          const text = tail + chunk;
          let end = 0;
          for (const match of text.matchAll(madeAt)) {
            answer.agesMs.push(Number(nowNs - BigInt(match[1])) / 1e6);
            end = match.index + match[0].length;
          }
          tail = text.slice(Math.max(end, text.length - tailChars));
          answer.text += chunk;
        },
        onResponseEnd() {
          if (answer.status === 200) resolve(answer);
          else reject(new Error(`${path} answered ${answer.status}: ${answer.text.slice(0, 400)}`));
        },
        onResponseError: (_controller, error) => reject(error),
      },
    );
  });
}
