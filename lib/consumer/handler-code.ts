import { dirname } from 'node:path';
import { AssetHashType, DockerImage } from 'aws-cdk-lib';
import { Code } from 'aws-cdk-lib/aws-lambda';
import { buildSync } from 'esbuild';
import { handlerBundling } from './handler-bundling.js';

/**
 * The code of a handler, bundled on this machine when the app is synthesised. CDK's NodejsFunction always writes one
 * file.
 *
 * @param entry absolute path of the file that exports `handler`.
 * @throws whatever esbuild throws for a file that it cannot bundle.
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
          buildSync({ ...handlerBundling, entryPoints: [entry], outdir });
          return true;
        },
      },
    },
  });
}
