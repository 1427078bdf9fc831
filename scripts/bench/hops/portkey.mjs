/** Portkey's open gateway: an AI gateway that people run in front of models; it takes no payment. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePorts, startProgram } from '../lib/processes.mjs';
import { installPeers, peersFolder } from '../scoreboard/install-peers.mjs';

const place = join(peersFolder, 'node_modules/@portkey-ai/gateway');

/** Its version once it is installed. */
export const portkeyVersion = () =>
  JSON.parse(readFileSync(join(place, 'package.json'), 'utf8')).version;

/** Headers that send a call to one engine. */
export const portkeyHeaders = (engineUrl) => ({
  authorization: 'Bearer none',
  'x-portkey-provider': 'openai',
  'x-portkey-custom-host': `${engineUrl}/v1`,
});

/** Headers that let it fall back from the first engine to the next. */
export const portkeyFallback = (engineUrls) => ({
  'x-portkey-config': JSON.stringify({
    strategy: { mode: 'fallback' },
    targets: engineUrls.map((url) => ({
      provider: 'openai',
      api_key: 'none',
      custom_host: `${url}/v1`,
    })),
  }),
});

/** Starts it as its own start script does, without its console. */
export async function startPortkey({ folder, undo }) {
  installPeers();
  const [port] = await freePorts(1);
  const url = `http://127.0.0.1:${port}`;
  const started = await startProgram({
    program: process.execPath,
    args: [join(place, 'build/start-server.js'), `--port=${port}`, '--headless'],
    cwd: folder,
    env: { NODE_ENV: 'production' },
    logFile: join(folder, 'portkey.log'),
    isReady: async () => (await fetch(url)).ok || undefined,
  });
  undo.push(started.stop);
  return { url, pids: { portkey: started.pid } };
}
