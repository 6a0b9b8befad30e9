import { execFile } from 'node:child_process';
import { createHash, randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { packageRoot } from '../package-root.js';
import { KafkaClientError } from './errors.js';

const run = promisify(execFile);

const clientPackage = '@confluentinc/kafka-javascript';
/** Node's headers as the registry has them: node-gyp would fetch them from elsewhere, and in another version. */
const headersPackage = `node-${process.platform}-${process.arch}`;

const manifest = JSON.stringify({
  name: 'kafka-client',
  private: true,
  dependencies: { [clientPackage]: '1.10.1', [headersPackage]: process.versions.node },
});

/** Where the client is, or would be. Its name carries a hash of the versions of the client and of Node. */
export function kafkaClientFolder(root = packageRoot): string {
  const key = createHash('sha256').update(manifest).digest('hex').slice(0, 12);
  return join(root, '.local', `kafka-client-${key}`);
}

/**
 * Compiles the client into a folder of its own, because who does not use Kafka shall not wait 2 to 4 minutes for it.
 * Needs g++, make, python3 and the headers of OpenSSL and zlib.
 *
 * @throws KafkaClientError with the last lines of the compiler
 */
export async function installKafkaClient(log: (line: string) => void): Promise<string> {
  const folder = kafkaClientFolder();
  if (existsSync(folder)) return folder;
  log(`compiling ${clientPackage} into ${folder.slice(packageRoot.length + 1)} (once, 2 to 4 minutes)`);
  const building = join(packageRoot, '.local', `fetching-${randomUUID()}`);
  await mkdir(building, { recursive: true });
  try {
    await writeFile(join(building, 'package.json'), manifest);
    // make in parallel breaks librdkafka's own build.
    const env = { ...process.env };
    delete env.MAKEFLAGS;
    const npm = (args: string[], more: NodeJS.ProcessEnv = {}) =>
      run('npm', args, { cwd: building, env: { ...env, ...more }, maxBuffer: 256 * 1024 * 1024 });
    await npm(['install', '--ignore-scripts', '--no-audit', '--no-fund']);
    await npm(['rebuild', '--foreground-scripts', clientPackage], {
      CKJS_LINKING: 'dynamic',
      npm_config_build_from_source: 'true',
      npm_config_nodedir: join(building, 'node_modules', headersPackage),
    });
    // Another process was faster when the folder is there.
    if (!existsSync(folder)) await rename(building, folder);
  } catch (cause) {
    const { stdout = '', stderr = '' } = cause as { stdout?: string; stderr?: string };
    const lines = `${stdout}\n${stderr}`.split('\n').filter((line) => line.trim() !== '');
    throw new KafkaClientError(
      `${clientPackage} could not be compiled: it needs g++, make, python3 and the headers of OpenSSL and zlib ` +
        `(on Debian and Ubuntu: sudo apt install g++ make python3 libssl-dev zlib1g-dev)\n${lines.slice(-12).join('\n')}`,
      { cause },
    );
  } finally {
    await rm(building, { recursive: true, force: true });
  }
  return folder;
}
