import { importTests } from './fixtures/import-tests.js';

await importTests('checkpoint', 'image', 'models', 'remote', 'service', 'store');
