import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';
import { checkTree, problemText, readTexts } from './check-rings.mjs';
import { reviewOf, reviewText } from './rings/review.mjs';

type Texts = Record<string, string>;

const SCRIPT = fileURLToPath(new URL('./check-rings.mjs', import.meta.url));
const BASE = ['@aitbc/primitives', '@aitbc/protocol'];

function manifest(name: string, dependencies: string[] = [], more = {}): string {
  const versions = Object.fromEntries(dependencies.map((one) => [one, '0.1.0']));
  return JSON.stringify({ name, dependencies: versions, ...more });
}

/** A small tree that keeps every rule. */
function cleanTree(): Texts {
  return {
    'package.json': manifest('aitbc', [], { devDependencies: { vitest: '4.1.12' } }),
    'packages/primitives/package.json': manifest('@aitbc/primitives', [], {
      imports: { '#sodium': { source: './src/node/sodium.ts' } },
    }),
    'packages/primitives/src/index.ts': "export * from './bytes.ts';\n",
    'packages/primitives/src/bytes.ts': "export { hash } from '#sodium';\n",
    'packages/primitives/src/node/sodium.ts': "import 'node:crypto';\nexport const hash = 1;\n",
    'packages/protocol/package.json': manifest('@aitbc/protocol', ['@aitbc/primitives']),
    'packages/protocol/src/index.ts': "export { hash } from '@aitbc/primitives';\n",
    'packages/chain/package.json': manifest('@aitbc/chain', BASE),
    'packages/chain/src/index.ts': "export { apply } from './apply.ts';\n",
    'packages/chain/src/apply.ts': "import { hash } from '@aitbc/protocol';\n",
    'packages/chain/src/apply.test.ts': "import { it } from 'vitest';\nimport 'node:fs';\n",
    'packages/market/package.json': manifest('@aitbc/market', BASE),
    'packages/market/src/index.ts': 'export const price = 1;\n',
    'packages/sdk/package.json': manifest('@aitbc/sdk', BASE),
    'packages/sdk/src/index.ts': 'export const client = 1;\n',
    'apps/node/package.json': manifest('@aitbc/node', [...BASE, '@aitbc/chain']),
    'apps/node/src/main.ts': "import '@aitbc/chain';\nimport 'node:fs';\n",
    'apps/wallet/package.json': manifest('@aitbc/wallet', [...BASE, '@aitbc/sdk']),
    'apps/wallet/src/main.ts': "import '@aitbc/sdk';\n",
    'cli/package.json': manifest('@aitbc/cli', ['@aitbc/sdk']),
    'cli/src/main.ts': "import '@aitbc/sdk';\n",
    'scripts/bench.mjs': "import '@aitbc/chain';\n",
    'experiments/try.mjs': "import '@aitbc/chain';\n",
  };
}

/** `path:line rule` of every problem in the clean tree with files planted over it. */
function found(planted: Texts): string[] {
  return checkTree({ ...cleanTree(), ...planted }).map(
    ({ path, line, rule }: { path: string; line: number; rule: string }) =>
      `${path}:${line} ${rule}`,
  );
}

it('accepts a tree that keeps every rule', () => {
  expect(found({})).toEqual([]);
});

describe('arrows', () => {
  it('refuses an import of an outer ring by name', () => {
    const text =
      "import { x } from '@aitbc/protocol';\nimport type { Wallet } from '@aitbc/wallet';\n";
    const problems = found({ 'packages/chain/src/apply.ts': text });
    expect(problems).toEqual(['packages/chain/src/apply.ts:2 outward-import']);
  });

  it('refuses an import of an outer ring by a relative path, in every spelling', () => {
    const path = '../../../experiments/try.mjs';
    for (const text of [
      `import '${path}';`,
      `export * from "${path}";`,
      `const x = await import('${path}');`,
      `const x = await import(\`${path}\`);`,
      `const x = require('${path}');`,
      `const x = require.resolve('${path}');`,
      `export {\n  a,\n  // '\n} from '${path}';`,
    ]) {
      const problems = found({ 'apps/node/src/main.ts': text });
      expect(problems, text).toHaveLength(1);
      expect(problems[0], text).toMatch(/^apps\/node\/src\/main\.ts:\d outward-import$/);
    }
  });

  it('refuses an outward arrow that only a package.json draws', () => {
    const planted = {
      'packages/sdk/package.json': manifest('@aitbc/sdk', [...BASE, '@aitbc/cli']),
    };
    expect(found(planted)).toEqual(['packages/sdk/package.json:1 outward-import']);
  });

  it('refuses an outward arrow also in a test', () => {
    const planted = { 'packages/chain/src/apply.test.ts': "import '@aitbc/node';\n" };
    expect(found(planted)).toEqual(['packages/chain/src/apply.test.ts:1 outward-import']);
  });

  it('refuses an app that imports an app, by name or by path, also in its tests', () => {
    const text = "import '@aitbc/node';\nimport '../../node/src/main.ts';\n";
    const planted = { 'apps/wallet/src/main.ts': text, 'apps/wallet/src/main.test.ts': text };
    expect(found(planted)).toEqual([
      'apps/wallet/src/main.test.ts:1 app-imports-app',
      'apps/wallet/src/main.test.ts:2 app-imports-app',
      'apps/wallet/src/main.ts:1 app-imports-app',
      'apps/wallet/src/main.ts:2 app-imports-app',
    ]);
  });

  it('refuses an arrow between siblings of Ring 0 and one against its order', () => {
    const planted = {
      'packages/market/src/index.ts': "import '@aitbc/chain';\n",
      'packages/protocol/src/index.ts': "import '@aitbc/sdk';\n",
    };
    expect(found(planted)).toEqual([
      'packages/market/src/index.ts:1 package-order',
      'packages/protocol/src/index.ts:1 package-order',
    ]);
  });

  it('lets the replica join chain and consensus, and nothing else', () => {
    const planted = {
      'packages/consensus/package.json': manifest('@aitbc/consensus', BASE),
      'packages/consensus/src/index.ts': 'export const step = 1;\n',
      'packages/replica/package.json': manifest('@aitbc/replica', [
        ...BASE,
        '@aitbc/chain',
        '@aitbc/consensus',
        '@aitbc/market',
      ]),
      'packages/replica/src/index.ts':
        "import '@aitbc/chain';\nimport '@aitbc/consensus';\nimport '@aitbc/market';\n",
      'packages/chain/src/index.ts': "import '@aitbc/replica';\n",
    };
    expect(found(planted).filter((line) => line.endsWith('package-order'))).toEqual([
      'packages/chain/src/index.ts:1 package-order',
      'packages/replica/package.json:1 package-order',
      'packages/replica/src/index.ts:3 package-order',
    ]);
  });

  it('lets a test of one sibling use another that its package.json names', () => {
    const more = { devDependencies: { '@aitbc/chain': '0.1.0' } };
    const planted = {
      'packages/sdk/package.json': manifest('@aitbc/sdk', BASE, more),
      'packages/sdk/src/proof.test.ts': "import '@aitbc/chain';\n",
    };
    expect(found(planted)).toEqual([]);
  });

  it('refuses a relative import that leaves its package', () => {
    const sibling = { 'packages/chain/src/apply.ts': "import '../../market/src/index.ts';\n" };
    expect(found(sibling)).toEqual(['packages/chain/src/apply.ts:1 package-order']);
    const inward = { 'apps/node/src/main.ts': "import '../../../packages/chain/src/apply.ts';\n" };
    expect(found(inward)).toEqual(['apps/node/src/main.ts:1 relative-leaves-package']);
  });

  it('refuses an import of an own index, by path or by name', () => {
    const planted = {
      'packages/chain/src/apply.ts': "import './index.ts';\nimport '@aitbc/chain';\n",
    };
    expect(found(planted).filter((line) => line.endsWith('own-index'))).toEqual([
      'packages/chain/src/apply.ts:1 own-index',
      'packages/chain/src/apply.ts:2 own-index',
    ]);
  });

  it('refuses a source file that imports what exists for tests', () => {
    const planted = {
      'packages/chain/src/testing/fake.ts': 'export const fake = 1;\n',
      'packages/chain/src/apply.ts': "import './testing/fake.ts';\n",
    };
    expect(found(planted)).toEqual(['packages/chain/src/apply.ts:1 source-imports-test']);
  });
});

describe('declared dependencies', () => {
  it('refuses a package that its own package.json does not name', () => {
    const planted = {
      'apps/node/src/main.ts': "import 'lmdb';\nimport '@aitbc/sdk';\nimport '@fastify/cors/x';\n",
      'packages/chain/src/apply.ts': "import '#gone';\n",
    };
    expect(found(planted)).toEqual([
      'apps/node/src/main.ts:1 undeclared-dependency',
      'apps/node/src/main.ts:2 undeclared-dependency',
      'apps/node/src/main.ts:3 undeclared-dependency',
      'packages/chain/src/apply.ts:1 undeclared-dependency',
    ]);
  });

  it('lets types come from a development dependency, values not', () => {
    const more = { devDependencies: { '@types/ws': '8.0.0' } };
    const planted = {
      'apps/node/package.json': manifest('@aitbc/node', BASE, more),
      'apps/node/src/main.ts':
        "import type { WebSocket } from 'ws';\nimport { Server } from 'ws';\n",
    };
    expect(found(planted)).toEqual(['apps/node/src/main.ts:2 undeclared-dependency']);
  });
});

describe('contents', () => {
  it('refuses clock, timers, randomness, network and environment in a pure package', () => {
    const text = [
      'const a = Date.now();',
      'const b = Math.random();',
      'setTimeout(() => {}, 1);',
      'const c = process.env.HOME;',
      "const d = await fetch('http://x');",
      'const e = performance.now();',
      'crypto.getRandomValues(bytes);',
      'const f = globalThis;',
      "import 'node:fs';",
      "import 'fs';",
    ];
    const planted = { 'packages/market/src/index.ts': text.join('\n') };
    const expected = text.map(
      (_, index) => `packages/market/src/index.ts:${index + 1} pure-package`,
    );
    expect(found(planted)).toEqual(expected);
  });

  it('is not fooled by comments, strings, templates, regular expressions, members and own names', () => {
    const text = [
      '// Date.now() and import "node:fs"',
      "/* import 'lmdb'; fetch('x') */",
      'const text = "Date.now()" + \'import "lmdb"\';',
      "const quoted = `Math.random() ${text + `import 'lmdb'`} setTimeout()`;",
      'const pattern = /fetch(\'"`)Date/g;',
      'const half = total / 2; const rest = half / Number(quoted);',
      'timer.setTimeout(1); effects.fetch(hash); view.process.run();',
      'interface Effects { fetch(hash: string): void; setTimeout: number; Date?: string }',
      'const api = { fetch(hash) { return hash; }, import: 1, require: 2 };',
    ];
    expect(found({ 'packages/market/src/index.ts': text.join('\n') })).toEqual([]);
  });

  it('sees a global inside a template expression', () => {
    const planted = { 'packages/market/src/index.ts': 'const x = `a ${{ b: Date.now() }.b} c`;\n' };
    expect(found(planted)).toEqual(['packages/market/src/index.ts:1 pure-package']);
  });

  it('refuses Node in a browser package outside a node folder, but not in its tests', () => {
    const planted = {
      'packages/sdk/src/index.ts': "\nimport { readFile } from 'node:fs/promises';\n",
      'packages/sdk/src/node/files.ts': "import 'node:fs';\n",
      'packages/sdk/src/files.test.ts': "import 'node:fs';\n",
    };
    expect(found(planted)).toEqual(['packages/sdk/src/index.ts:2 browser-package']);
  });

  it('refuses a sixteenth source file in a folder; tests do not count', () => {
    const planted: Texts = {};
    for (let n = 1; n <= 15; n += 1) {
      planted[`apps/node/src/rpc/file-${n}.ts`] = '';
      planted[`apps/node/src/rpc/file-${n}.test.ts`] = '';
    }
    expect(found(planted)).toEqual([]);
    planted['apps/node/src/rpc/file-16.ts'] = '';
    expect(found(planted)).toEqual(['apps/node/src/rpc:0 folder-too-full']);
  });

  it('refuses a file of 401 lines and accepts one of 400', () => {
    const lines = (count: number) => 'let x;\n'.repeat(count);
    expect(found({ 'cli/src/long.ts': lines(400) })).toEqual([]);
    expect(found({ 'cli/src/long.ts': lines(401) })).toEqual(['cli/src/long.ts:401 file-too-long']);
  });
});

describe('cycles', () => {
  it('names the files of a cycle once, in order', () => {
    const problems = checkTree({
      ...cleanTree(),
      'apps/node/src/a.ts': "\nimport './b.ts';\n",
      'apps/node/src/b.ts': "export * from './c.js';\n",
      'apps/node/src/c.ts': "import './a.ts';\nimport './d.ts';\n",
      'apps/node/src/d.ts': '',
    });
    expect(problems.map(problemText)).toEqual([
      'apps/node/src/a.ts:2  import-cycle  apps/node/src/a.ts → apps/node/src/b.ts → apps/node/src/c.ts → apps/node/src/a.ts. Fix: move what both need into a third file, or pass it as an argument.',
    ]);
  });

  it('allows a cycle of types only', () => {
    const planted = {
      'apps/node/src/a.ts': "import type { B } from './b.ts';\n",
      'apps/node/src/b.ts': "import './a.ts';\n",
    };
    expect(found(planted)).toEqual([]);
  });
});

describe('the command', () => {
  const folders: string[] = [];
  afterEach(() => {
    for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
  });

  function plant(texts: Texts): string {
    const root = mkdtempSync(join(tmpdir(), 'rings-'));
    folders.push(root);
    for (const [path, text] of Object.entries(texts)) {
      mkdirSync(dirname(join(root, path)), { recursive: true });
      writeFileSync(join(root, path), text);
    }
    return root;
  }

  function run(...args: string[]): { status: number | null; stdout: string } {
    return spawnSync(process.execPath, [SCRIPT, ...args], { encoding: 'utf8' });
  }

  it('exits with 1 on a planted tree and with 0 on a clean one', () => {
    const bad = plant({ ...cleanTree(), 'apps/node/src/main.ts': "import '@aitbc/wallet';\n" });
    const refused = run('--root', bad);
    expect(refused.status).toBe(1);
    expect(refused.stdout).toContain('apps/node/src/main.ts:1  app-imports-app');
    expect(run('--root', plant(cleanTree())).status).toBe(0);
  });

  it('does not look into installed, compiled or hidden folders', () => {
    const hidden = {
      'apps/node/node_modules/x/index.js': 'x',
      'apps/node/dist/main.js': 'x',
      '.aitbc/y.js': 'y',
    };
    const paths = Object.keys(readTexts(plant({ ...cleanTree(), ...hidden })));
    expect(paths.sort()).toEqual(Object.keys(cleanTree()).sort());
  });

  it('prints the review that a git diff needs and fails when Ring 0 changed without a word on the spec', () => {
    const root = plant(cleanTree());
    const git = (...args: string[]) => {
      const identity = ['-c', 'user.name=Test', '-c', 'user.email=test@example.org'];
      const result = spawnSync('git', [...identity, ...args], { cwd: root, encoding: 'utf8' });
      expect(result.status, result.stderr).toBe(0);
    };
    git('init', '-q', '-b', 'main');
    git('add', '.');
    git('commit', '-q', '-m', 'base');
    git('tag', 'base');
    writeFileSync(join(root, 'packages/chain/src/apply.ts'), 'export const apply = 2;\n');
    git('commit', '-q', '-am', 'Change apply');
    const refused = run('--root', root, '--diff', 'base');
    expect(refused.status).toBe(1);
    expect(refused.stdout).toContain('review needed: Ring 0: manual review');
    git('commit', '-q', '--amend', '-m', 'Change apply\n\nSpec: none, because only a name changed');
    expect(run('--root', root, '--diff', 'base').status).toBe(0);
  });
});

describe('review', () => {
  it('takes the strictest ring and lists cautions of the others', () => {
    const review = reviewOf(
      ['cli/src/main.ts', 'apps/wallet/src/store.ts', 'docs/adr/0001-x.md'],
      '',
    );
    expect(review.strictest?.ring).toBe(1);
    expect(review.specMissing).toBe(false);
    const text = reviewText(review);
    expect(text).toContain('keys: nothing secret');
    expect(text).toContain('SQL: ');
    expect(text).toContain('Ring 3: 1 files');
  });

  it('lets a change of the spec stand for the commit line', () => {
    const paths = ['packages/chain/src/apply.ts', 'docs/spec/chain.md'];
    expect(reviewOf(paths, '').specMissing).toBe(false);
    expect(reviewOf(paths.slice(0, 1), 'Spec: none, because').specMissing).toBe(true);
  });

  it('needs nothing when nothing changed', () => {
    expect(reviewText(reviewOf([], ''))).toBe('No file changed: no review needed.');
  });
});
