/**
 * The stock x402 way as a process: an Express route behind the middleware of `@x402/express`, our voucher scheme,
 * and a facilitator in the same process. What is due is never claimed here: only the request counts.
 */
import { Agent, request } from 'node:http';
import { openShop } from './x402-shop.mjs';

const engineUrl = new URL(process.env.AITBC_BENCH_ENGINE);
const agent = new Agent({ keepAlive: true, maxSockets: 1_024 });
const path = '/v1/chat/completions';
const { express, middleware, configs, balance } = await openShop(path);
const app = express();
app.use(middleware);
app.post(path, (incoming, response) => {
  const { method, headers } = incoming;
  const options = { agent, method, path, headers: { ...headers, host: engineUrl.host } };
  const upstream = request(engineUrl, options, (answer) => {
    response.writeHead(answer.statusCode, answer.headers);
    answer.pipe(response);
  });
  upstream.on('error', () => response.destroy());
  incoming.pipe(upstream);
});
const server = app.listen(0, '127.0.0.1', () => {
  const url = `http://127.0.0.1:${server.address().port}`;
  console.log(JSON.stringify({ url, configs, balance }));
});
