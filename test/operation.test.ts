import { importTests } from './fixtures/import-tests.js';

// In a process of its own only because it takes as long as http.
await importTests('operation');
