import { importTests } from './fixtures/import-tests.js';

// In a process of its own: it runs networks by wasm, the service's beside it.
await importTests('clients');
