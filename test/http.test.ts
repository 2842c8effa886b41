import { importTests } from './fixtures/import-tests.js';

// One after the other: a process of its own costs a file as much as loading all the service's packages does.
await importTests('http');
