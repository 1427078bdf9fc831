import { defineConfig } from 'vitest/config';

// Unit tests run straight from source: every package exports a `source` condition. One process
// serves many test files (`isolate: false`), which our ban on module-level state makes safe.
// Whole-network tests (test/) start the built daemons as real processes, one file at a time, and
// only after the unit tests (`groupOrder`), so that neither takes the other's processor time.
const source = { conditions: ['source'] };

// Node itself must not load these: eventsource and its parser also have a `source`, in TypeScript, and these import it.
const inline = [
  /node_modules\/(?:ai|@ai-sdk\/[^/]+|@modelcontextprotocol\/client|eventsource(?:-parser)?)\//,
];

export default defineConfig({
  resolve: source,
  ssr: { resolve: source },
  test: {
    pool: 'forks',
    server: { deps: { inline } },
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
