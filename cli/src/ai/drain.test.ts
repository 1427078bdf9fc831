import { providerOwnerEndpoints } from '@aitbc/protocol';
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createTestHome } from '../testing/run-words.ts';
import { serveTable, type TestServer } from '../testing/table-server.ts';

const home = createTestHome();
afterAll(() => home.remove());

let provider: TestServer;
beforeEach(async () => {
  provider = await serveTable(providerOwnerEndpoints, {
    drain: ({ withinMs }) => ({ isDraining: true, running: 0, endsInMs: withinMs }),
    endDrain: () => ({ isDraining: false, running: 0, endsInMs: 0 }),
  });
});
afterEach(() => provider.close());

const run = (...words: string[]) => {
  const env = { AITBC_PROVIDER_URL: provider.url, AITBC_PROVIDER_TOKEN: 'owner' };
  return home.run(['ai', 'drain', ...words], { env });
};

describe('aitbc ai drain', () => {
  it('takes the machine back within the time, and sells again with --back', async () => {
    const { stdout, exitCode } = await run('--within', '5');
    expect([exitCode, stdout]).toEqual([0, expect.stringContaining('The machine is yours.')]);
    expect((await run('--back')).stdout).toContain('sells again');
    expect(provider.calls).toEqual([
      { what: 'drain', authorization: 'Bearer owner', input: { withinMs: 5_000 } },
      { what: 'endDrain', authorization: 'Bearer owner', input: {} },
    ]);
  });

  it('answers tools with the state', async () => {
    const { stdout } = await run('--json');
    expect(JSON.parse(stdout)).toEqual({ isDraining: true, running: 0, endsInMs: 30_000 });
  });

  it.each(['soon', '-1', '1.5', '3601'])('does not take %s seconds', async (seconds) => {
    const { exitCode, stderr } = await run(`--within=${seconds}`);
    expect([exitCode, stderr]).toEqual([2, expect.stringContaining('--within')]);
  });
});
