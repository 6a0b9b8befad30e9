import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { publishProblems } from '../../scripts/publish-problems.js';
import { packageRoot } from '../../targets/package-root.js';

const place = 'https://github.com/some-owner/exactly-once-aws';
const filled = {
  ...{ author: 'Somebody', homepage: `${place}#readme`, bugs: { url: `${place}/issues` } },
  repository: { type: 'git', url: `git+${place}.git` },
};

test('each field that is empty is named before anything is published', () => {
  expect(publishProblems({}, place)).toEqual([
    "'author' of package.json is empty: fill it before publishing",
    "'homepage' of package.json is empty: fill it before publishing",
    "'bugs' of package.json is empty: fill it before publishing",
    `'repository' of package.json is empty: give { "type": "git", "url": "git+${place}.git" }, npm's provenance needs it`,
  ]);
});

test.each([filled.repository, 'github:some-owner/exactly-once-aws', { url: place }])(
  'the repository that publishes, written as npm allows, is taken: %j',
  (repository) => {
    expect(publishProblems({ ...filled, repository }, place)).toEqual([]);
    expect(publishProblems({ ...filled, repository }, undefined)).toEqual([]);
  },
);

test('another repository than the one that publishes is refused, the case of letters included', () => {
  expect(publishProblems(filled, place.replace('some-owner', 'Some-Owner'))).toEqual([
    `'repository' of package.json is ${place}, must be https://github.com/Some-Owner/exactly-once-aws, which publishes: npm's provenance compares both`,
  ]);
});

test('npm publish runs the check', () => {
  const { scripts } = JSON.parse(readFileSync(join(packageRoot, 'package.json'), 'utf8')) as {
    scripts: Record<string, string>;
  };
  expect(scripts.prepublishOnly).toBe('tsx scripts/check-publish.ts');
});
