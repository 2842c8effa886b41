import { readFileSync, writeFileSync } from 'node:fs';
import { pino } from 'pino';
import { stringify } from 'yaml';
import { createApp } from '../src/app.js';
import { loadConfig } from '../src/config.js';

/** Writes openapi.yaml from the routes' schemas; with --check, only says whether it is up to date. */
const file = new URL('../openapi.yaml', import.meta.url);
const app = await createApp(loadConfig({}), pino({ level: 'silent' }));
const document = stringify(JSON.parse(JSON.stringify(app.server.swagger())), {
  aliasDuplicateObjects: false,
});
await app.close();

if (!process.argv.includes('--check')) {
  writeFileSync(file, document);
} else if (readFileSync(file, 'utf8') !== document) {
  console.error('openapi.yaml differs from the routes: npm run openapi');
  process.exitCode = 1;
}
