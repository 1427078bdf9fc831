/** The cheapest proxy that Node's own people offer: node:http in front, undici's dispatch to the engine, no streams between. */
import { createServer } from 'node:http';
import { createRequire } from 'node:module';

// The client library of the SDK; a script belongs to no package that could declare it.
const { Pool } = createRequire(new URL('../../../packages/sdk/package.json', import.meta.url))(
  'undici',
);

const pool = new Pool(process.env.AITBC_BENCH_ENGINE, { connections: 256 });
const hopHeaders = new Set(['connection', 'transfer-encoding', 'keep-alive', 'host']);
const passed = (headers) =>
  Object.fromEntries(Object.entries(headers).filter(([name]) => !hopHeaders.has(name)));

const server = createServer((incoming, response) => {
  const { method, url: path, headers } = incoming;
  pool.dispatch(
    { method, path, headers: passed(headers), body: incoming },
    {
      onRequestStart(controller) {
        response.on('close', () => {
          if (!response.writableFinished) controller.abort(new Error('the client is gone'));
        });
      },
      onResponseStart: (_controller, status, answerHeaders) =>
        response.writeHead(status, passed(answerHeaders)),
      onResponseData: (_controller, chunk) => response.write(chunk),
      onResponseEnd: () => response.end(),
      onResponseError: () => response.destroy(),
    },
  );
});
server.listen(0, '127.0.0.1', () => {
  console.log(JSON.stringify({ url: `http://127.0.0.1:${server.address().port}` }));
});
