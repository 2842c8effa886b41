import { readdirSync } from 'node:fs';
import { importTests, NETWORKS } from './fixtures/import-tests.js';

/** Run by the files beside this one, or by `npm run test:long` and `test:slow`. */
const ELSEWHERE = [
  'attack',
  'clients',
  'http',
  'long',
  'masks',
  'operation',
  'page',
  'slow',
  ...NETWORKS,
];

// Whatever other folder there is, so that none is forgotten.
const folders = readdirSync(new URL('.', import.meta.url), { withFileTypes: true })
  .filter((entry) => entry.isDirectory() && !ELSEWHERE.includes(entry.name))
  .map(({ name }) => name);
await importTests(...folders);
