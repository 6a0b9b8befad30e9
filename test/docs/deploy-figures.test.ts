import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { deployFigures, withFigures } from './deploy-figures.js';

test('the figures of docs/deploy.md are those of the stack: npm run docs:figures writes them', () => {
  const page = readFileSync(join(__dirname, '..', '..', 'docs', 'deploy.md'), 'utf8');
  const figures = deployFigures();
  expect(withFigures(page, figures)).toBe(page);
  expect(figures['idle']).toMatch(/^\| all \|.*\| \$\d+\.\d\d \|$/m);
  expect(figures['stays']).not.toContain('the 0 ');
  // A figure that somebody changed by hand shows.
  expect(withFigures(page.replace(/\$\d+\.\d\d \|/, '$99.99 |'), figures)).toBe(page);
});
