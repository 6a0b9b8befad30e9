import { Annotations, Token } from 'aws-cdk-lib';
import type { Metafile } from 'esbuild';
import type { Construct } from 'constructs';
import type { Violation } from '../guarantees/invalid-props.js';

/** What a bundle loads when it is needed, and what was not there to be put into it. */
const found = new Map<string, ReadonlySet<string>>();

/**
 * Remembers which AWS clients a handler would load with `import()` and does not have. They are peers that may be left
 * out, so esbuild passes over them; whether they are needed only their feature says.
 */
export function rememberNotInstalled(entry: string, { inputs, outputs }: Metafile): void {
  const packages = Object.values(outputs)
    .flatMap((output) => Object.entries(output.inputs))
    // A file of which nothing is left is in the graph all the same.
    .flatMap(([file, { bytesInOutput }]) => (bytesInOutput > 0 ? (inputs[file]?.imports ?? []) : []))
    .filter(
      ({ external, kind, path }) => external && kind === 'dynamic-import' && path.startsWith('@aws-sdk/'),
    )
    .map(({ path }) => path);
  found.set(entry, new Set(packages));
}

/** Warns of each missing client. A construct that knows better says so with `needed` or `notNeeded`. */
export function warnOfNotInstalled(scope: Construct, entry: string): void {
  for (const name of found.get(entry) ?? [])
    Annotations.of(scope).addWarningV2(
      warningOf(name),
      `'${entry}' loads ${name} for some of what it can do, and it is not installed: npm install ${name} if you use that, ` +
        'else acknowledge this warning',
    );
}

/** Takes back the warning: the feature is off. */
export function notNeeded(scope: Construct, name: string): void {
  Annotations.of(scope).acknowledgeWarning(warningOf(name), 'its feature is off');
}

/** What is wrong when a feature is on whose client is not installed: one violation, or none. */
export function needed(entry: string, name: string, feature: string): Violation[] {
  if (Token.isUnresolved(entry) || !found.get(entry)?.has(name)) return [];
  return [
    {
      id: 'package-missing',
      given: `${feature}, and ${name} is not installed`,
      allowed: 'with that package',
      change: `npm install ${name}`,
    },
  ];
}

function warningOf(name: string): string {
  return `exactly-once-aws:package-missing[${name}]`;
}
