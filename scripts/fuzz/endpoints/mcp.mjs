/** What hosts of agents send to `/mcp`: calls of the protocol with arguments of our tools, near and hostile. */
import { hostileText, nearValue } from '../schemas/near.mjs';
import { wholeCase } from './requests.mjs';

const version = '2025-06-18';
const chat = { model: 'fuzz-model', messages: [{ role: 'user', content: 'hi' }], max_tokens: 4 };
const calls = [
  [
    'initialize',
    { protocolVersion: version, capabilities: {}, clientInfo: { name: 'a', version: '1' } },
  ],
  ['ping', {}],
  ['tools/list', {}],
  ['tools/call', { name: 'aitbc_chat', arguments: chat }],
  ['tools/call', { name: 'chat', arguments: chat }],
  ['tools/call', { name: 'models', arguments: {} }],
  ['resources/list', {}],
  ['prompts/get', { name: 'a', arguments: {} }],
  [
    'completion/complete',
    { ref: { type: 'ref/prompt', name: 'a' }, argument: { name: 'a', value: 'b' } },
  ],
  ['logging/setLevel', { level: 'debug' }],
];

/** Makes cases: whole calls, near ones, notifications, batches, hostile bodies. */
export function createMcpRequests() {
  const heads = ['accept: application/json, text/event-stream', `mcp-protocol-version: ${version}`];
  return (random) => {
    const [method, params] = random.pick(calls);
    const call = { jsonrpc: '2.0', id: 1, method, params };
    const kind = random.below(12);
    const post = { method: 'POST', path: '/mcp', heads };
    if (kind < 3) return wholeCase({ ...post, body: JSON.stringify(call) });
    if (kind < 8)
      return wholeCase({ ...post, body: JSON.stringify(nearValue(random, call)) ?? '0' });
    if (kind < 9)
      return wholeCase({ ...post, body: JSON.stringify([call, nearValue(random, call)]) });
    if (kind < 11) return wholeCase({ ...post, body: hostileText(random, call) });
    return wholeCase({ method: random.pick(['GET', 'DELETE']), path: '/mcp', heads, body: '' });
  };
}
