// Of the tests of the page the one that a change breaks first; npm run test:long has them all. By its URL: it is checked
// with the page, whose types are a browser's.
await import(new URL('page/session.test.ts', import.meta.url).href);
