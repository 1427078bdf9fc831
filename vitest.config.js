import { defineConfig } from 'vitest/config';

// Unit tests run straight from source: every package of ours exports an `aitbc-source` condition (other packages have a
// `source` of their own, in TypeScript that Node cannot load). One process
// serves many test files (`isolate: false`), which our ban on module-level state makes safe.
// Whole-network tests (test/) start the built daemons as real processes, one file at a time, and
// only after the unit tests (`groupOrder`), so that neither takes the other's processor time.
const source = { conditions: ['aitbc-source'] };

export default defineConfig({
  resolve: source,
  ssr: { resolve: source },
  test: {
    pool: 'forks',
    isolate: false,
    reporters: ['default', './scripts/count-reporter.mjs'],
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: ['{packages,apps,cli,scripts}/**/*.test.ts'],
          testTimeout: 30_000,
          sequence: { groupOrder: 0 },
        },
      },
      {
        extends: true,
        test: {
          name: 'network',
          include: ['test/**/*.test.ts'],
          fileParallelism: false,
          testTimeout: 300_000,
          hookTimeout: 120_000,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
