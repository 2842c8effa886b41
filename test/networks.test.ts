import { importTests, NETWORKS } from './fixtures/import-tests.js';

// Apart from the other units: they run the networks themselves.
await importTests(...NETWORKS);
