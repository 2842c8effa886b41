import { importTests } from '../fixtures/import-tests.js';

// One after the other: they share a browser and a service.
await importTests('page');
