/**
 * Loaded into the gateway by `--import`: notes when its HTTP client sent a request, got the head of an answer, or lost
 * one. Lines wait in memory and are written when nothing happens, so that the watch costs a gap nothing.
 */
import { subscribe } from 'node:diagnostics_channel';
import { appendFile } from 'node:fs';

const file = process.env.AITBC_BENCH_WIRE;
const isGateway = process.argv[1]?.includes('/apps/gateway/');
const writeAfterMs = 100;
const stages = {
  'undici:client:sendHeaders': 'sent',
  'undici:request:headers': 'head',
  'undici:request:error': 'lost',
};

if (file && isGateway) watch(file);

function watch(path) {
  let lines = '';
  let timer;
  const write = () => {
    const text = lines;
    lines = '';
    appendFile(path, text, () => {});
  };
  for (const [channel, stage] of Object.entries(stages)) {
    subscribe(channel, ({ request }) => {
      const atMs = performance.timeOrigin + performance.now();
      lines += `${JSON.stringify({ stage, path: request.path, origin: String(request.origin), atMs })}\n`;
      clearTimeout(timer);
      timer = setTimeout(write, writeAfterMs).unref();
    });
  }
}
