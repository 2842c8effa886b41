// Of the tests of the page the one that a change breaks first; npm run test:long has them all.
import './page/session.test.js';
