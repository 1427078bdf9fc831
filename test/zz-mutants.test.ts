import { join } from 'node:path';
import { build } from 'vite';
import { expect, it } from 'vitest';
import { findChromium, startChromium } from './light-browser/chromium.ts';
import { startDesk } from './light-browser/desk.ts';
import { createForger } from './light-browser/forger.ts';
import { forgeries, loneVote } from './light-browser/forgeries.ts';
import { bundlePage } from './light-browser/page-files.ts';
import { createScene } from './light-browser/scene.ts';

const folder = join(import.meta.dirname, 'light-browser', 'page');
type Mutant = [file: string, from: string | RegExp, to: string];
const rule = (file: string, reason: string, value: string): Mutant => [
  file,
  new RegExp(`\\[[^\\[\\]]*(?:\\[[^\\]]*\\][^\\[\\]]*)*,\\s*'${reason}'\\s*,?\\s*\\]`),
  `[${value}, '${reason}']`,
];
const lb = 'proofs/light-bundle.js';
const mutants: Mutant[] = [
  ['light/judge-step.js', "anchor.hash !== sound.value", 'false'],
  rule('light/light-client.js', 'the receipt is of another transaction', 'true'),
  ['light/believe.js', 'if (doubt)', 'if (false)'],
];

it('mutants', { timeout: 580_000 }, async () => {
  const scene = await createScene();
  const browser = await startChromium(findChromium() as string);
  const base = await bundlePage();
  const files = new Map(base.files);
  const all = Object.values(forgeries).flat();
  const desk = await startDesk({
    nodeUrl: scene.net.url(0),
    genesis: scene.net.genesis,
    files,
    forger: createForger(scene),
    forgeries: new Map([loneVote, ...all].map((f) => [f.name, f])),
  });
  const lines: string[] = [];
  for (const [file, from, to] of mutants) {
    let hit = 0;
    const made = await build({
      root: folder,
      configFile: false,
      logLevel: 'error',
      plugins: [
        {
          name: 'm',
          enforce: 'pre',
          transform(code: string, id: string) {
            if (!id.endsWith(file)) return null;
            const next = code.replace(from, to);
            if (next !== code) hit += 1;
            return next;
          },
        },
      ],
      build: {
        write: false,
        target: 'es2023',
        modulePreload: false,
        rolldownOptions: { input: join(folder, 'main.ts') },
      },
    });
    const out = [made].flat().flatMap((o) => ('output' in o ? o.output : []))[0] as {
      code: string;
    };
    files.set('/main.js', { type: 'text/javascript', body: out.code });
    const page = await browser.newPage();
    await page.goto(desk.url);
    await page.waitForFunction(() => window.lightAsk !== undefined);
    const caught: string[] = [];
    for (const f of all) {
      const liar = `/forged/${encodeURIComponent(f.name)}`;
      const q = {
        nodes: f.isWitness ? ['/rpc', liar] : [liar],
        subject: f.about === 'tx' ? scene.twins[0] : scene[f.about],
        ...(f.isWarm ? { warmBy: '/rpc' } : {}),
      };
      const got = await page.evaluate(
        (x) => window.lightAsk?.(x).catch((e) => ({ code: 'THROWN', reason: String(e) })),
        q,
      );
      if (got?.code !== f.code || !got.reason.includes(f.reason))
        caught.push(`${f.name} => ${got?.code}`);
    }
    await page.close();
    lines.push(
      `${hit ? (caught.length ? 'killed  ' : 'SURVIVED') : 'NO HIT  '} ${file} ${String(to).slice(0, 70)} | ${caught.slice(0, 3).join(' ; ')}`,
    );
  }
  console.log(lines.join('\n'));
  await browser.close();
  await desk.stop();
  await scene.net.end();
  expect(1).toBe(1);
});
