#!/usr/bin/env node
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';

const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));

const USAGE = `sam-split ${version}: Segment Anything over HTTP

  sam-split            serve on http://localhost:8080
  sam-split --version
  sam-split --help

Settings are environment variables, such as PORT=9000 or HOST=127.0.0.1; README.md lists them all.`;

const OPTIONS = {
  help: { type: 'boolean', short: 'h' },
  version: { type: 'boolean', short: 'v' },
} as const;

/** What the command line says; ends the process where it says what nobody knows. */
function options() {
  try {
    return parseArgs({ options: OPTIONS }).values;
  } catch (error) {
    console.error(`${(error as Error).message}\n\n${USAGE}`);
    process.exit(1);
  }
}

/** The command of the package: the service, or words about it. */
const { help, version: asked } = options();
if (help) console.log(USAGE);
else if (asked) console.log(version);
else await import('./main.js');
