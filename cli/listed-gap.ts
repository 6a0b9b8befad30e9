import { CliError } from './cli-error.js';

interface AnyGap {
  readonly sequence: string;
  readonly stream: string;
}

/**
 * Only what is listed: a version that waits in the aggregate has no other copy, and must not be lost by a slip of the
 * hand.
 *
 * @throws CliError when no such version is listed, or several are.
 */
export function listedGap<Gap extends AnyGap>(
  gaps: readonly Gap[],
  version: string,
  { consumer, stream, list }: { readonly consumer: string; readonly stream?: string; readonly list: string },
): Gap {
  const found = gaps.filter(
    (gap) => gap.sequence === version && (stream === undefined || gap.stream === stream),
  );
  const [only, ...others] = found;
  if (only === undefined)
    throw new CliError(`no missing version '${version}' of '${consumer}' is listed: see the command ${list}`);
  if (others.length > 0)
    throw new CliError(
      `${found.length} streams miss version '${version}': give one of them as --stream: ${found.map((gap) => gap.stream).join(' ')}`,
    );
  return only;
}
