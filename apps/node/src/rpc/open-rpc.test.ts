import { nodeRpc, nodeSocketRpc } from '@aitbc/protocol';
import { expect, it } from 'vitest';
import { openRpcOf } from './open-rpc.ts';

interface Method {
  readonly name: string;
  readonly summary: string;
  readonly paramStructure: string;
  readonly params: readonly { name: string; required: boolean; schema: object }[];
  readonly result: { readonly name: string; readonly schema: Record<string, unknown> };
}

const document = openRpcOf();
const methods = document.methods as readonly Method[];

it('has every method once, over HTTP and over WebSocket', () => {
  const names = [...Object.keys(nodeRpc), ...Object.keys(nodeSocketRpc)];
  expect(methods.map(({ name }) => name)).toEqual(names);
  expect(new Set(names).size).toBe(names.length);
});

it('has what the meta schema of OpenRPC 1.3 asks for', () => {
  expect(document.openrpc).toMatch(/^1\.3\.\d+$/);
  expect(document.info).toEqual({
    title: expect.any(String),
    version: expect.any(String),
    description: expect.any(String),
  });
  expect(Object.keys(document).sort()).toEqual(['components', 'info', 'methods', 'openrpc']);
  for (const { name, summary, paramStructure, params, result } of methods) {
    expect(summary.length, name).toBeGreaterThan(10);
    expect(paramStructure).toBe('by-name');
    expect(new Set(params.map((one) => one.name)).size).toBe(params.length);
    for (const param of params) {
      expect(param).toEqual({
        name: expect.stringMatching(/^[a-z]\w*$/i),
        required: expect.any(Boolean),
        schema: expect.any(Object),
      });
    }
    const firstOptional = params.findIndex((one) => !one.required);
    const isOrdered =
      firstOptional < 0 || params.slice(firstOptional).every((one) => !one.required);
    expect(isOrdered, `${name}: required parameters come first`).toBe(true);
    expect([result.name, typeof result.schema]).toEqual(['result', 'object']);
  }
});

it('describes parameters and results as JSON Schema, and is plain JSON', () => {
  const { params, result } = methods.find(({ name }) => name === 'state_getAccount') as Method;
  expect(params.map(({ name, required }) => [name, required])).toEqual([
    ['address', true],
    ['proof', false],
  ]);
  expect(Object.keys(result.schema.properties as object)).toContain('pendingNonce');
  expect(JSON.parse(JSON.stringify(document))).toEqual(document);
});
