import { readFileSync } from 'node:fs';
import {
  coordinatorEndpoints,
  type EndpointTable,
  facilitatorEndpoints,
  gatewayEndpoints,
  nodeRpc,
  nodeSocketRpc,
  oneShotEndpoints,
  providerEndpoints,
  providerOwnerEndpoints,
  walletEndpoints,
} from '@aitbc/protocol';
import { describe, expect, it } from 'vitest';
import { apiPage } from './pages/api-text.mjs';

const page = readFileSync(new URL('../docs/api.md', import.meta.url), 'utf8');
const tables: readonly EndpointTable[] = [
  coordinatorEndpoints,
  facilitatorEndpoints,
  gatewayEndpoints,
  oneShotEndpoints,
  providerEndpoints,
  providerOwnerEndpoints,
  walletEndpoints,
];

describe('docs/api.md', () => {
  it('is what the tables say now; `node scripts/pages/api-page.mjs` writes it', () => {
    expect(page === apiPage()).toBe(true);
  });

  it('has every call with its summary, and every method of the node', () => {
    const calls = tables.flatMap((table) => Object.values(table));
    expect(calls.length).toBeGreaterThan(80);
    for (const { method, path, summary } of calls) {
      expect(page).toContain(`#### ${method} ${path}\n\n${summary}`);
    }
    for (const [name, { summary }] of Object.entries({ ...nodeRpc, ...nodeSocketRpc })) {
      expect(page).toContain(`#### ${name}\n\n${summary}`);
    }
  });

  it('says of each field what the schema says', () => {
    const section = page.split('#### GET /v1/providers/:address/score')[1]?.split('####')[0] ?? '';
    expect(section).toContain('| in | `address` | address |');
    expect(section).toContain('| in | `explain?` | `0` `1` | default `"0"` |');
    expect(page).toContain('### RankedOffer\n');
  });
});
