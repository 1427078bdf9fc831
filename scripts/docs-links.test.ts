import { existsSync, readFileSync } from 'node:fs';
import { posix } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import {
  anchorsOf,
  filesNamedIn,
  linksOf,
  npmScriptsIn,
  readPages,
  slugOf,
} from './pages/markdown.mjs';

interface Page {
  readonly path: string;
  readonly text: string;
}

const root = fileURLToPath(new URL('..', import.meta.url));
const pages: Page[] = readPages(root);
const isThere = (path: string) => existsSync(posix.join(root, path));

/** Links of some pages that lead nowhere, each with its page and line. */
function deadLinks(checked: readonly Page[], exists: (path: string) => boolean): string[] {
  const anchors = new Map(checked.map(({ path, text }) => [path, anchorsOf(text)]));
  return checked.flatMap(({ path, text }) =>
    (linksOf(text) as { target: string; line: number }[])
      .filter(({ target }) => !/^[a-z]+:/.test(target))
      .filter(({ target }) => {
        const [file = '', anchor] = target.split('#');
        const at = file === '' ? path : posix.normalize(posix.join(posix.dirname(path), file));
        if (at.startsWith('..') || !exists(at)) return true;
        return anchor !== undefined && anchors.get(at)?.has(anchor) !== true;
      })
      .map(({ target, line }) => `${path}:${line} ${target}`),
  );
}

/** Files of other projects, and the daemon that stands for any. */
const notOurs = /^(docs\/openapi\.yaml$|apps\/Y\/)/;

/** A name may leave out the end of a source file, as `test/attacks` does. */
function isNamedFile(name: string): boolean {
  return ['', '.ts', '.test.ts', '.mjs'].some((end) => isThere(name + end));
}

describe('the pages of this repository', () => {
  it('are all read', () => {
    expect(pages.length).toBeGreaterThan(50);
  });

  it('have no dead link, to a file or to a heading', () => {
    expect(deadLinks(pages, isThere)).toEqual([]);
  });

  it('name only files and folders that exist', () => {
    const missing = pages
      .filter(({ path }) => path !== 'CHANGELOG.md')
      .flatMap(({ path, text }) =>
        (filesNamedIn(text) as { name: string; line: number }[])
          .filter(({ name }) => !/(^|\/)dist(\/|$)/.test(name) && !notOurs.test(name))
          .filter(({ name }) => !isNamedFile(name))
          .map(({ name, line }) => `${path}:${line} ${name}`),
      );
    expect(missing).toEqual([]);
  });

  it('run only scripts of npm that exist', () => {
    const manifest = JSON.parse(readFileSync(posix.join(root, 'package.json'), 'utf8')) as {
      scripts: Record<string, string>;
    };
    const run = pages.flatMap(({ path, text }) =>
      (npmScriptsIn(text) as { name: string; line: number }[]).map(({ name, line }) => ({
        name,
        at: `${path}:${line} ${name}`,
      })),
    );
    expect(run.length).toBeGreaterThan(10);
    expect(run.filter(({ name }) => !(name in manifest.scripts)).map(({ at }) => at)).toEqual([]);
  });
});

describe('a file that a page names', () => {
  it.each([
    ['in back-ticks', 'see `docs/none.md`'],
    ['in a line to run', '```\nnode docs/none.md --all\n```'],
    ['in a line to run within a sentence', 'run `node docs/none.md --all`'],
  ])('is found %s', (_name, text) => {
    expect(filesNamedIn(text).map(({ name }: { name: string }) => name)).toEqual(['docs/none.md']);
  });
});

describe('a dead link', () => {
  const other = { path: 'docs/b.md', text: '# B\n## What `x` is, and why\n## Twice\n## Twice\n' };
  const dead = (text: string) =>
    deadLinks([{ path: 'docs/a.md', text }, other], (path) => path === 'docs/b.md');

  it.each([
    ['a missing file', 'see [c](c.md)', ['docs/a.md:1 c.md']],
    ['a missing heading', '\nsee [b](b.md#c)', ['docs/a.md:2 b.md#c']],
    ['a heading of its own that is missing', '[up](#up)', ['docs/a.md:1 #up']],
    ['a file outside', '![x](../../b.md)', ['docs/a.md:1 ../../b.md']],
  ])('is %s', (_name, text, found) => {
    expect(dead(text)).toEqual(found);
  });

  it.each([
    ['a heading', '[b](b.md#what-x-is-and-why)'],
    ['the second of two equal headings', '[b](b.md#twice-1)'],
    ['another site', '[b](https://example.org/c.md)'],
    ['code', 'write `[c](c.md)`\n```\n[c](c.md)\n```'],
  ])('is not %s', (_name, text) => {
    expect(dead(text)).toEqual([]);
  });

  it('is told by the anchor that a forge makes', () => {
    expect(slugOf('`POST /v1/route` – ranked (signed) offers')).toBe(
      'post-v1route--ranked-signed-offers',
    );
  });
});
