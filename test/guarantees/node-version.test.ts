import { engines } from '../../package.json';
import { nodeProblem } from '../../lib/guarantees/node-version.js';

test.each(['18.20.4', '20.19.0', '22.2.9'])(
  'Node.js %s is said to be too old, with what is needed',
  (version) => {
    expect(nodeProblem(version)).toBe(
      `exactly-once-aws needs Node.js ${engines.node.replace('>=', '')} or newer, and this is ${version}: install a newer one`,
    );
  },
);

test.each(['22.3.0', '22.10.0', '24.0.0', process.versions.node])('Node.js %s will do', (version) => {
  expect(nodeProblem(version)).toBeUndefined();
});
