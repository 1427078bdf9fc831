/** Writes docs/schemas.json, what every command prints with --json: `node scripts/pages/schemas-page.mjs` after a build. */
import { writeFileSync } from 'node:fs';
import { schemaPage } from '@aitbc/cli/output';

writeFileSync(new URL('../../docs/schemas.json', import.meta.url), schemaPage());
