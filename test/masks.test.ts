import { importTests } from './fixtures/import-tests.js';

// Apart from the units: they draw SVGs, whose loader is off in a process that reads images.
await importTests('masks');
