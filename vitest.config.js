import { defineConfig } from 'vitest/config';

// Unit tests run straight from source: every package of ours exports an `aitbc-source` condition (other packages have a
// `source` of their own, in TypeScript that Node cannot load). One process
// serves many test files (`isolate: false`), which our ban on module-level state makes safe.
// Whole-network tests (test/) start the built daemons as real processes, and only after the unit tests
// (`groupOrder`), so that neither takes the other's processor time. Those that measure time or starve a
// network (`timed`) run one file at a time; the others wait more than they compute, two at a time.
const timed = ['chaos', 'failover', 'flood', 'partitions', 'relay', 'rolling', 'validators'].map(
  (name) => `test/${name}.test.ts`,
);
const network = {
  testTimeout: 300_000,
  hookTimeout: 120_000,
  globalSetup: './scripts/bundles/require-fresh.mjs',
};
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
          hookTimeout: 30_000,
          maxWorkers: 3, // on two cores: tests wait for timers and processes
          sequence: { groupOrder: 0 },
        },
      },
      {
        extends: true,
        test: {
          ...network,
          name: 'network',
          include: ['test/**/*.test.ts'],
          exclude: timed,
          maxWorkers: 2,
          sequence: { groupOrder: 1 },
        },
      },
      {
        extends: true,
        test: {
          ...network,
          name: 'timed',
          include: timed,
          maxWorkers: 1,
          sequence: { groupOrder: 2 },
        },
      },
    ],
  },
});
