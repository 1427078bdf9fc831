/** Writes docs/errors.md from the error table: `node scripts/errors-page.mjs` after a build. */
import { writeFileSync } from 'node:fs';
import { errorTable } from '@aitbc/protocol';

const rows = Object.values(errorTable).map(
  (row) =>
    `| \`${row.code}\` | ${row.httpStatus} | ${row.rpcNumber} | ${row.exitCode} | ${row.retryable ? 'yes' : 'no'} | ${row.message} |`,
);
const page = `# Errors

Every error that crosses a border, in the order of the table in \`packages/protocol/src/errors.ts\`. A test keeps
both equal. A code never changes its meaning. "Retry" says whether the same call may succeed later unchanged.
\`{names}\` in a message are filled with the facts of the case, which also travel beside it:

- HTTP: problem details (RFC 9457) with \`code\` and \`facts\`; the paid routes use the error shape of their dialect.
- JSON-RPC: \`error.code\` is the number below, \`error.data\` holds \`code\` and \`facts\`.
- CLI: the message on standard error (with \`--json\` the object on standard output) and the exit code below.

| Code | HTTP | RPC | Exit | Retry | Message |
|---|---|---|---|---|---|
${rows.join('\n')}
`;
writeFileSync(new URL('../docs/errors.md', import.meta.url), page);
