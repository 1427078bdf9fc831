/** The one JSON-RPC client of all benchmarks: keep-alive HTTP for requests and batches, a WebSocket for news. */
import { Agent, request } from 'node:http';
import { createRequire } from 'node:module';

// The client library of the SDK; a script belongs to no package that could declare it.
const { WebSocket } = createRequire(new URL('../../../packages/sdk/package.json', import.meta.url))(
  'ws',
);

/** A client of one server, with at most `connections` open at a time. */
export function createRpcClient({ url, connections }) {
  const agent = new Agent({ keepAlive: true, maxSockets: connections });
  const post = (text) => postText({ url, agent, text });
  return {
    url,
    post,
    async call(method, params) {
      const answer = await post(requestText({ method, params }));
      if (answer.error) throw new Error(`${method}: ${answer.error.message}`);
      return answer.result;
    },
    close: () => agent.destroy(),
  };
}

/** Text of one request. */
export function requestText({ method, params = {}, id = 1 }) {
  return JSON.stringify({ jsonrpc: '2.0', id, method, params });
}

function postText({ url, agent, text }) {
  return new Promise((resolve, reject) => {
    const headers = {
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(text),
    };
    const outgoing = request(url, { method: 'POST', agent, headers }, (answer) => {
      let body = '';
      answer.setEncoding('utf8');
      answer.on('data', (chunk) => {
        body += chunk;
      });
      answer.on('error', reject);
      answer.on('end', () => {
        try {
          resolve(JSON.parse(body));
        } catch (error) {
          reject(
            new Error(`${url} answered ${answer.statusCode}: ${body.slice(0, 200)}`, {
              cause: error,
            }),
          );
        }
      });
    });
    outgoing.on('error', reject);
    outgoing.end(text);
  });
}

/** An open WebSocket; `onMessage` gets each parsed message. */
export async function openSocket(url, onMessage) {
  const socket = new WebSocket(url.replace('http', 'ws'), { perMessageDeflate: false });
  await new Promise((resolve, reject) => {
    socket.once('open', resolve);
    socket.once('error', reject);
  });
  socket.on('message', (text) => onMessage(JSON.parse(text)));
  socket.on('error', () => {}); // the server is being stopped; a run that still needs it meets its deadline
  return {
    send: (text) => socket.send(text),
    ask: (method, params, id = 1) => socket.send(requestText({ method, params, id })),
    close: () => socket.terminate(),
  };
}
