/** A plain reverse proxy on node:http with keep-alive to both sides: what one hop costs before anybody pays. */
import { Agent, createServer, request } from 'node:http';

const engineUrl = new URL(process.env.AITBC_BENCH_ENGINE);
const agent = new Agent({ keepAlive: true, maxSockets: 1_024 });

const server = createServer((incoming, response) => {
  const { method, url, headers } = incoming;
  const options = { agent, method, path: url, headers: { ...headers, host: engineUrl.host } };
  const upstream = request(engineUrl, options, (answer) => {
    response.writeHead(answer.statusCode, answer.headers);
    answer.pipe(response);
  });
  upstream.on('error', () => response.destroy());
  response.on('close', () => upstream.destroy());
  incoming.pipe(upstream);
});
server.listen(0, '127.0.0.1', () => {
  console.log(JSON.stringify({ url: `http://127.0.0.1:${server.address().port}` }));
});
