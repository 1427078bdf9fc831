/** The gateway's `/mcp` before the conformance suites and the inspector of the protocol's makers. */
import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { reasonFor } from './expected.mjs';

const suites = [
  { name: '@modelcontextprotocol/conformance', flags: [], title: 'all active scenarios' },
  {
    name: 'conformance-next',
    flags: ['--requirements', '2026-07-28'],
    title: 'the scenarios that 2026-07-28 requires',
  },
];

/** One row for each suite: counts, failures that are ours, and reasons of the others. */
export async function runMcpSuites(tools, { gatewayUrl, folder }) {
  const results = [];
  for (const { name, flags, title } of suites) {
    const out = join(folder, `${name.replace(/\W/g, '-')}-results`);
    mkdirSync(out, { recursive: true });
    const args = [tools.entry(name, 'dist/index.js'), 'server', '--url', `${gatewayUrl}/mcp`];
    const { text } = await tools.run([...args, ...flags, '-o', out]);
    const checks = readChecks(out);
    if (checks.length === 0) throw new Error(`${name} gave no results:\n${text.slice(-2_000)}`);
    results.push({ name, title, version: tools.versionOf(name), ...judge(checks) });
  }
  return results;
}

/** Checks of all scenarios; a folder for each, ending in its time. */
function readChecks(out) {
  return readdirSync(out).flatMap((scenario) => {
    const file = join(out, scenario, 'checks.json');
    if (!existsSync(file)) return [];
    const name = scenario.replace(/^server-/, '').replace(/-\d{4}-\d\d-\d\dT.*$/, '');
    return JSON.parse(readFileSync(file, 'utf8')).map((check) => ({ scenario: name, ...check }));
  });
}

function judge(checks) {
  const passed = checks.filter(({ status }) => status === 'SUCCESS');
  const ours = [];
  const reasons = new Map();
  for (const { id, scenario, status, errorMessage, description } of checks) {
    if (status !== 'FAILURE' && status !== 'WARNING') continue;
    const message = errorMessage ?? description ?? '';
    const reason = reasonFor(id, message);
    if (reason === undefined) ours.push(`${scenario}, ${id}: ${message}`);
    else reasons.set(reason, new Set([...(reasons.get(reason) ?? []), scenario]));
  }
  const scenariosWith = (...statuses) =>
    new Set(
      checks.filter(({ status }) => statuses.includes(status)).map((check) => check.scenario),
    );
  const [all, lacking] = [scenariosWith('SUCCESS'), scenariosWith('FAILURE', 'WARNING')];
  const whole = [...all].filter((scenario) => !lacking.has(scenario)).sort();
  const scenarios = new Set(checks.map(({ scenario }) => scenario)).size;
  return { passed: passed.length, scenarios, whole, ours, reasons };
}

/** Tools as the inspector lists them, and one call that costs nothing. */
export async function runInspector(tools, gatewayUrl) {
  const base = [tools.bin('mcp-inspector'), '--cli', `${gatewayUrl}/mcp`, '--transport', 'http'];
  const listed = await tools.run([...base, '--method', 'tools/list']);
  const names = namesOf(listed.stdout);
  const call = ['--method', 'tools/call', '--tool-name', 'spend_limits'];
  const called = await tools.run([...base, ...call]);
  return {
    version: tools.versionOf('@modelcontextprotocol/inspector'),
    names,
    isGood: names.length === 7 && called.stdout.includes('jobMax'),
    text: listed.text.slice(0, 500) + called.text.slice(0, 500),
  };
}

function namesOf(text) {
  try {
    return JSON.parse(text).tools.map(({ name }) => name);
  } catch {
    return [];
  }
}
