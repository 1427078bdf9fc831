/**
 * Vitest reporter that ends with the skipped tests and `N passed, N failed, N skipped`, the form
 * that CI reads. Under `npm test` it writes its counts to a file and leaves the printing to
 * `test.mjs`; under plain `vitest` it prints when the process exits.
 *
 * Counted as failed, beside failed tests: a file that could not be loaded, a suite whose hook threw,
 * an error outside any test, and a test that was started but never ended.
 */
import { writeFileSync } from 'node:fs';

/** Environment variable with the file that takes the counts. */
export const COUNT_FILE_VARIABLE = 'AITBC_TEST_COUNTS';

const NO_REASON = "no reason given (say it with `context.skip('why')`)";

/** The closing lines: each skipped test with its reason, then the counts. */
export function summaryText({ passed, failed, skipped, skips }) {
  const lines = skips.map(({ name, reason }) => `  ${name}\n    ${reason}`);
  const block = lines.length > 0 ? `\nskipped:\n${lines.join('\n')}\n` : '';
  return `${block}\n${passed} passed, ${failed} failed, ${skipped} skipped`;
}

/**
 * Counts finished Vitest modules; `filtered` says that a name filter left tests out.
 * @param {any[]} modules
 * @param {{ errors?: unknown[], filtered?: boolean }} [run]
 */
export function countRun(modules, { errors = [], filtered = false } = {}) {
  const tests = modules.flatMap((module) =>
    [...module.children.allTests()].map((test) => ({
      name: nameOf(module, test),
      ...test.result(),
    })),
  );
  const skipped = tests.filter(({ state }) => state === 'skipped');
  const passed = tests.filter(({ state }) => state === 'passed').length;
  const failed = tests.length - passed - skipped.length + errors.length + brokenParts(modules);
  return { passed, failed, skipped: skipped.length, skips: skipsOf(skipped, filtered) };
}

/** Files that could not be loaded and suites whose hooks threw. */
function brokenParts(modules) {
  const parts = modules.flatMap((module) => [module, ...module.children.allSuites()]);
  return parts.filter((part) => part.errors().length > 0).length;
}

function skipsOf(skipped, filtered) {
  const listed = skipped.filter(({ note }) => note || !filtered);
  const skips = listed.map(({ name, note }) => ({ name, reason: note || NO_REASON }));
  const leftOut = skipped.length - listed.length;
  if (leftOut > 0)
    skips.push({ name: `${leftOut} tests`, reason: 'left out by a name filter (-t)' });
  return skips;
}

function nameOf(module, test) {
  return `${module.relativeModuleId ?? module.moduleId} > ${test.fullName}`;
}

export default class CountReporter {
  #filtered = false;

  onInit(vitest) {
    this.#filtered = Boolean(vitest?.config?.testNamePattern);
  }

  onTestRunEnd(modules, errors) {
    const counts = countRun(modules, { errors, filtered: this.#filtered });
    const file = process.env[COUNT_FILE_VARIABLE];
    if (file) writeFileSync(file, JSON.stringify(counts));
    else process.once('exit', () => process.stdout.write(`${summaryText(counts)}\n`));
  }
}
