import { readdirSync } from 'node:fs';
import { importTests } from './fixtures/import-tests.js';

/** Run by tap itself, each file in its own process, by masks.test.ts, or by `npm run test:siege`. */
const ELSEWHERE = ['attack', 'http', 'lanes', 'masks', 'sam', 'siege'];

// Whatever other folder there is, so that none is forgotten.
const folders = readdirSync(new URL('.', import.meta.url), { withFileTypes: true })
  .filter((entry) => entry.isDirectory() && !ELSEWHERE.includes(entry.name))
  .map(({ name }) => name);
await importTests(...folders);
