/** nginx as a reverse proxy: one worker, kept connections to the engine, nothing buffered, no access log. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePorts, startProgram } from '../lib/processes.mjs';

/** The version that is installed; undefined where there is none. */
export function nginxVersion() {
  const { stderr = '' } = spawnSync('nginx', ['-v'], { encoding: 'utf8' });
  return /nginx\/(\S+)/.exec(stderr ?? '')?.[1];
}

/** Starts it in front of `engineUrls`; more than one are tried in turn. Gives url and the ids of its processes. */
export async function startNginx({ folder, engineUrls, undo }) {
  const place = join(folder, 'nginx');
  mkdirSync(place, { recursive: true });
  const [port] = await freePorts(1);
  const config = join(place, 'nginx.conf');
  writeFileSync(config, configOf({ place, port, engineUrls }));
  const url = `http://127.0.0.1:${port}`;
  const started = await startProgram({
    program: 'nginx',
    args: ['-c', config, '-e', join(place, 'error.log')],
    cwd: place,
    logFile: join(place, 'nginx.log'),
    isReady: async () => (await fetch(`${url}/healthy`)).ok || undefined,
  });
  undo.push(started.stop);
  const children = readFileSync(`/proc/${started.pid}/task/${started.pid}/children`, 'utf8');
  const workers = children.trim().split(' ').filter(Boolean).map(Number);
  return { url, pids: { nginx: started.pid, worker: workers[0] } };
}

function configOf({ place, port, engineUrls }) {
  const user = process.getuid?.() === 0 ? 'user root;' : '';
  const folders = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
  const temporary = folders.map((name) => `${name}_temp_path ${join(place, name)};`).join('\n  ');
  const servers = engineUrls.map((url) => `server ${new URL(url).host};`).join(' ');
  return `${user}
daemon off; worker_processes 1; pid ${join(place, 'pid')}; error_log ${join(place, 'error.log')};
events { worker_connections 4096; }
http {
  ${temporary}
  access_log off; keepalive_requests 1000000;
  upstream engine { ${servers} keepalive 512; keepalive_requests 1000000; }
  server {
    listen 127.0.0.1:${port};
    location = /healthy { return 200 "yes"; }
    location / {
      proxy_pass http://engine; proxy_http_version 1.1; proxy_set_header Connection "";
      proxy_buffering off; proxy_next_upstream error timeout http_502;
    }
  }
}
`;
}
