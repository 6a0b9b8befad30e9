import { createRequire } from 'node:module';
import { basename, dirname } from 'node:path';
import { AssetHashType, DockerImage } from 'aws-cdk-lib';
import { Code } from 'aws-cdk-lib/aws-lambda';
import type * as Esbuild from 'esbuild';
import type { Violation } from '../guarantees/invalid-props.js';
import { bundleHandler } from './bundle-handler.js';
import { rememberNotInstalled } from './not-installed.js';

/** The app has no esbuild, which bundles handlers. */
class BundlerMissing extends Error {
  override readonly name = 'BundlerMissing';
}

/** Loaded when a handler is bundled: beside the package of the constructs alone it is the app's to install. */
function esbuild(): typeof Esbuild {
  try {
    return createRequire(__filename)('esbuild') as typeof Esbuild;
  } catch (cause) {
    throw new BundlerMissing(
      "esbuild bundles handlers and is not installed; run 'npm install --save-dev esbuild'",
      {
        cause,
      },
    );
  }
}

/**
 * The code of a handler, bundled on this machine when the app is synthesised. CDK's NodejsFunction always writes one
 * file.
 *
 * @param entry absolute path of the file that exports `handler`.
 * @throws BundlerMissing without esbuild, and whatever esbuild throws for a file that it cannot bundle, when a
 *   function is given the code.
 */
export function handlerCode(entry: string): Code {
  return Code.fromAsset(dirname(entry), {
    // The handler's imports lie anywhere, so only what came out tells whether it has changed.
    assetHashType: AssetHashType.OUTPUT,
    bundling: {
      // Never asked: bundling here succeeds or throws. The command tells the handlers of one directory apart.
      image: DockerImage.fromRegistry('none'),
      command: [entry],
      local: {
        tryBundle(outdir) {
          const { sources } = bundleHandler(esbuild(), { entryPoints: [entry], outdir });
          violations.set(entry, exportViolations(sources));
          rememberNotInstalled(entry, sources);
          return true;
        },
      },
    },
  });
}

/** What is wrong with an entry that has been bundled. CDK makes an error of its own of what is thrown there. */
const violations = new Map<string, readonly Violation[]>();

/**
 * What is wrong with the file, once its code has been given to a function: it exports no `handler`. Lambda would say
 * so when the first message has come.
 */
export function entryViolations(entry: string): readonly Violation[] {
  return violations.get(entry) ?? [];
}

function exportViolations({ outputs }: Esbuild.Metafile): Violation[] {
  // Chunks that are loaded when they are needed have an entry point, too, but other names.
  const [, bundled] = Object.entries(outputs).find(([path]) => basename(path) === 'index.mjs') ?? [];
  const exported = bundled?.exports ?? [];
  if (exported.includes('handler')) return [];
  return [
    {
      id: 'handler-export',
      given: exported.length === 0 ? 'the file exports nothing' : `the file exports ${exported.join(', ')}`,
      allowed: 'one that exports `handler`',
      change: 'write `export const handler = ...` in it',
    },
  ];
}
