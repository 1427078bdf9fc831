import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { forgeOf, postReview, statusOf } from './post-review.mjs';
import { reviewOf } from './review.mjs';

const command = new URL('../check-rings.mjs', import.meta.url).pathname;
/** A file of each ring. */
const files = [
  'packages/chain/src/rule.ts',
  'apps/node/src/app.ts',
  'cli/src/main.ts',
  'experiments/try.ts',
];
const words = ['manual review', 'automatic when all tests', 'automatic when lint', 'free'];
const work = mkdtempSync(join(tmpdir(), 'aitbc-review-'));

afterAll(() => rmSync(work, { recursive: true, force: true }));

function git(...args: string[]): void {
  execFileSync('git', ['-c', 'user.name=a', '-c', 'user.email=a@b', ...args], { cwd: work });
}

function change(paths: readonly string[], text: string): void {
  for (const path of paths) {
    mkdirSync(join(work, dirname(path)), { recursive: true });
    writeFileSync(join(work, path), text);
  }
}

function judge() {
  const run = spawnSync(process.execPath, [command, '--root', work, '--diff', 'base'], {
    encoding: 'utf8',
  });
  return { code: run.status, said: run.stdout };
}

describe('planted diffs', () => {
  it('of every combination of rings get the review of the strictest', () => {
    git('init', '-q', '-b', 'main');
    change([...files, 'docs/spec/chain.md'], '');
    git('add', '.');
    git('commit', '-q', '-m', 'base');
    git('tag', 'base');
    for (let mask = 1; mask < 16; mask += 1) {
      const rings = [0, 1, 2, 3].filter((ring) => mask & (1 << ring));
      const paths = rings.map((ring) => files[ring] ?? '');
      const [strictest = 0] = rings;
      git('reset', '-q', '--hard', 'base');
      change(paths, `// ${mask}\n`);
      git('commit', '-q', '-am', 'a change');
      const bare = judge();
      expect(bare.said, String(rings)).toContain(
        `review needed: Ring ${strictest}: ${words[strictest]}`,
      );
      for (const ring of rings) expect(bare.said).toContain(`Ring ${ring}: 1 files`);
      expect(bare.code, `${rings} without its spec`).toBe(strictest === 0 ? 1 : 0);
      change(['docs/spec/chain.md'], `${mask}\n`);
      git('commit', '-q', '-am', 'and its law');
      const lawful = judge();
      expect(lawful.code, `${rings} with its spec`).toBe(0);
      expect(lawful.said).toContain('review needed: Ring 0');
    }
  });
});

/** A forge with one pull request, and what it was told. */
async function forge(isGitea: boolean, present: readonly { id: number; name: string }[]) {
  const told: { line: string; body: unknown }[] = [];
  const server = createServer((request, response) => {
    let text = '';
    request.on('data', (part) => {
      text += part;
    });
    request.on('end', () => {
      const line = `${request.method} ${request.url}`;
      const body = text === '' ? undefined : JSON.parse(text);
      if (request.method !== 'GET') told.push({ line, body });
      if (request.headers.authorization !== 'token t') return response.writeHead(401).end('who?');
      if (line === 'POST /repos/o/r/labels')
        return response.end(JSON.stringify({ id: 9, ...body }));
      if (request.method === 'DELETE') return response.writeHead(204).end();
      const known =
        request.url === '/repos/o/r/labels?limit=50' ? [{ id: 4, name: 'ring-0' }] : present;
      return response.end(JSON.stringify(known));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  servers.push(server);
  const { port } = server.address() as AddressInfo;
  const env = {
    ...{ GITHUB_API_URL: `http://127.0.0.1:${port}`, GITHUB_REPOSITORY: 'o/r', GITHUB_TOKEN: 't' },
    ...{ RINGS_SHA: 'abc', RINGS_PULL_REQUEST: '7', GITEA_ACTIONS: String(isGitea) },
  };
  return { env, told };
}

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

describe('a forge', () => {
  const review = reviewOf(['packages/chain/src/rule.ts', 'docs/spec/chain.md', 'cli/src/a.ts'], '');

  it('like GitHub gets a status and labels by name; a label that is not true any more goes', async () => {
    const { env, told } = await forge(false, [
      { id: 1, name: 'ring-3' },
      { id: 2, name: 'bug' },
    ]);
    await postReview(review, forgeOf(env));
    expect(told.map(({ line }) => line)).toEqual([
      'POST /repos/o/r/statuses/abc',
      'DELETE /repos/o/r/issues/7/labels/ring-3',
      'POST /repos/o/r/issues/7/labels',
    ]);
    expect(told[0]?.body).toMatchObject({ state: 'pending', context: 'rings' });
    expect(told[2]?.body).toEqual({ labels: ['ring-0', 'ring-2'] });
  });

  it('like Gitea gets them by id, and new labels are made', async () => {
    const { env, told } = await forge(true, []);
    await postReview(review, forgeOf(env));
    expect(told.at(-1)?.body).toEqual({ labels: [4, 9] });
    expect(told.map(({ line }) => line)).toContain('POST /repos/o/r/labels');
  });

  it('that refuses, or that nobody named, is an error', async () => {
    const { env } = await forge(false, []);
    await expect(postReview(review, forgeOf({ ...env, GITHUB_TOKEN: 'x' }))).rejects.toThrow(
      'answered 401',
    );
    expect(() => forgeOf({})).toThrow('GITHUB_API_URL');
  });

  it('is told failure when the law did not move, success when tests decide', () => {
    expect(statusOf(reviewOf(['packages/a.ts'], '')).state).toBe('failure');
    expect(statusOf(reviewOf(['apps/node/src/a.ts'], '')).state).toBe('success');
    expect(statusOf(reviewOf([], '')).state).toBe('success');
  });
});
