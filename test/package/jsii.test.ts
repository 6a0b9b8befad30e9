import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { packageRoot } from '../../targets/package-root.js';

const run = promisify(execFile);
const asked = process.env.JSII === '1';

const app = `
const { App, Stack } = require('aws-cdk-lib');
const { ChannelKind, DedupTable, MessageChannel } = require('exactly-once-aws-constructs');
const app = new App();
const stack = new Stack(app, 'Shop');
new DedupTable(stack, 'Dedup');
new MessageChannel(stack, 'Payments', { kind: ChannelKind.FIFO });
const { Resources } = app.synth().getStackByName('Shop').template;
console.log(JSON.stringify(Object.values(Resources).map(({ Type }) => Type)));
`;

(asked ? test : test.skip)(
  `the package of the constructs that npm run jsii has made works in an empty app, from its tarball (${asked ? 'JSII is 1' : 'only with JSII=1'})`,
  async () => {
    const folder = await mkdtemp(join(tmpdir(), 'jsii-app-'));
    try {
      const made = join(packageRoot, 'dist', 'jsii');
      const { stdout } = await run('npm', ['pack', '--json', '--pack-destination', folder], { cwd: made });
      const [packed] = JSON.parse(stdout) as { filename: string; files: { path: string }[] }[];
      const paths = packed?.files.map(({ path }) => path) ?? [];
      expect(paths).toEqual(expect.arrayContaining(['.jsii', 'API.md', 'LICENSE', 'README.md']));
      // Nothing but what is run, and the types of it: for other languages jsii reads `.jsii`.
      expect(paths.filter((path) => path.endsWith('.ts') && !path.endsWith('.d.ts'))).toEqual([]);
      const own = join(folder, 'node_modules', 'exactly-once-aws-constructs');
      await mkdir(own, { recursive: true });
      await run('tar', ['-xzf', join(folder, packed?.filename ?? ''), '-C', own, '--strip-components=1']);
      for (const peer of ['aws-cdk-lib', 'constructs'])
        await symlink(join(packageRoot, 'node_modules', peer), join(folder, 'node_modules', peer));
      await writeFile(join(folder, 'app.js'), app);
      const synthesized = await run(process.execPath, ['app.js'], { cwd: folder });
      const types = JSON.parse(synthesized.stdout) as string[];
      expect(types.filter((type) => type === 'AWS::SQS::Queue')).toHaveLength(2);
      expect(types).toContain('AWS::DynamoDB::Table');
    } finally {
      await rm(folder, { recursive: true });
    }
  },
  120_000,
);
