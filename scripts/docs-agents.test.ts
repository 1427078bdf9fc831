import { readFileSync } from 'node:fs';
import { errorTable } from '@aitbc/protocol';
import { describe, expect, it } from 'vitest';

const read = (path: string) => readFileSync(new URL(`../${path}`, import.meta.url), 'utf8');
const skill = read('skills/aitbc/SKILL.md');
const llms = read('docs/llms.txt');
const discovery = read('apps/gateway/src/front/discovery.ts');
const tools = [
  ...read('apps/gateway/src/mcp/mcp-server.ts').matchAll(/registerTool\(\s*'(\w+)'/g),
].map(([, name = '']) => name);

describe('what an agent reads', () => {
  it('lists exactly the tools of the gateway', () => {
    expect(tools).toHaveLength(7);
    const listed = [...skill.matchAll(/^\| `(\w+)` \| (?:nothing|coins) \|/gm)].map(
      ([, name]) => name,
    );
    expect([...listed].sort()).toEqual([...tools].sort());
    for (const tool of tools) expect(discovery).toContain(tool);
  });

  it('names only errors that exist, and says of each whether a retry helps as the table does', () => {
    const rows = [...skill.matchAll(/^\| (`[A-Z_]+`(?:, `[A-Z_]+`)*) \| (.*) \|$/gm)];
    const codes = rows.flatMap(([, names = '']) => names.replaceAll('`', '').split(', '));
    expect(codes.length).toBeGreaterThan(12);
    expect(codes.filter((code) => !(code in errorTable))).toEqual([]);
    for (const [, names = '', advice = ''] of rows) {
      if (!advice.includes('again')) continue;
      for (const code of names.replaceAll('`', '').split(', ')) {
        expect([code, errorTable[code as keyof typeof errorTable].retryable]).toEqual([code, true]);
      }
    }
  });

  it('begins as both forms ask for', () => {
    expect(skill).toMatch(/^---\nname: aitbc\ndescription: [^\n]{40,1024}\n---\n\n# AITBC\n/);
    expect(llms).toMatch(/^# AITBC\n\n> /);
    for (const page of [skill, llms]) {
      expect(page).toContain('OPENAI_BASE_URL=http://127.0.0.1:11435/v1');
      expect(page).toContain('1000000000 nait');
    }
  });
});
