import { readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { cruise } from 'dependency-cruiser';
import extractTsConfig from 'dependency-cruiser/config-utl/extract-ts-config';

/**
 * Checks the directions of imports, and that the check saw every room at all: a tool that fails to parse
 * the sources reports no violations either.
 */
const config = createRequire(import.meta.url)('../.dependency-cruiser.cjs');
const { output } = await cruise(
  ['src', 'clients/typescript/src'],
  { ...config.options, validate: true, ruleSet: config },
  undefined,
  { tsConfig: extractTsConfig('tsconfig.json') },
);
const failures = output.summary.violations.map(
  ({ rule, from, to }) => `${rule.name}: ${from} -> ${to}`,
);
const seen = output.modules.map(({ source }) => source);
for (const room of readdirSync('src', { withFileTypes: true })) {
  const path = `src/${room.name}`;
  if (!seen.some((source) => source.startsWith(path))) failures.push(`${path}: not seen`);
}
const imports = output.modules.flatMap(({ source, dependencies }) =>
  source.startsWith('src/') ? dependencies : [],
);
if (imports.length < seen.length) failures.push(`only ${imports.length} imports seen`);

for (const failure of failures) console.error(failure);
console.log(`${seen.length} modules, ${imports.length} imports, ${failures.length} failures`);
process.exitCode = failures.length > 0 ? 1 : 0;
