/**
 * Ollama's own OpenAPI file as the judge: Prism stands between a client and the gateway and turns every answer
 * that does not fit into an error. No npm package brings the file, so it is named on the command line.
 */
import { readFileSync } from 'node:fs';
import { freePorts, startProgram } from '../bench/lib/processes.mjs';

/** One row for each call; undefined without a file. */
export async function runPrism(tools, { openApiFile, gatewayUrl, model, folder }) {
  if (!openApiFile) return undefined;
  const [port] = await freePorts(1);
  const url = `http://127.0.0.1:${port}`;
  const prism = await startProgram({
    program: tools.node,
    args: [tools.bin('prism'), 'proxy', openApiFile, gatewayUrl, '--errors', '-p', String(port)],
    cwd: folder,
    logFile: `${folder}/prism.log`,
    readyOf: (line) => (line.includes('is listening') ? true : undefined),
  });
  try {
    const rows = [];
    for (const call of callsOf(model)) rows.push(await judge(url, call));
    const version = tools.versionOf('@stoplight/prism-cli');
    const of = /^\s+version:\s*(\S+)/m.exec(readFileSync(openApiFile, 'utf8'))?.[1] ?? '?';
    return { version, of, rows };
  } finally {
    await prism.stop();
  }
}

function callsOf(model) {
  const messages = [{ role: 'user', content: 'What is an index?' }];
  const options = { num_predict: 8 };
  return [
    { name: 'GET /api/tags', path: '/api/tags' },
    { name: 'GET /api/ps', path: '/api/ps' },
    { name: 'GET /api/version', path: '/api/version' },
    { name: 'POST /api/show', path: '/api/show', body: { model } },
    {
      name: 'POST /api/chat',
      path: '/api/chat',
      body: { model, messages, options, stream: false },
    },
    {
      name: 'POST /api/generate',
      path: '/api/generate',
      body: { model, prompt: 'What is an index?', options, stream: false },
    },
    { name: 'POST /api/embed', path: '/api/embed', body: { model, input: ['one', 'two'] } },
    { name: 'POST /api/embed, one text', path: '/api/embed', body: { model, input: 'one' } },
  ];
}

async function judge(url, { name, path, body }) {
  const post = body && {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  };
  const answer = await fetch(url + path, post);
  const text = await answer.text();
  const violations = answer.headers.get('sl-violations');
  const isGood = answer.status === 200 && !violations;
  return {
    name,
    isGood,
    said: isGood ? 'fits' : `${answer.status}: ${(violations ?? text).slice(0, 400)}`,
  };
}
