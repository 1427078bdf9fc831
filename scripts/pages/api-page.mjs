/** Writes docs/api.md from the endpoint tables: `node scripts/pages/api-page.mjs` after a build. */
import { writeFileSync } from 'node:fs';
import { apiPage } from './api-text.mjs';

writeFileSync(new URL('../../docs/api.md', import.meta.url), apiPage());
