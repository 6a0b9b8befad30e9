import { ExactlyOnceError, type Fault } from './error.js';

/**
 * A feature was used whose package is not installed. It is a peer that may be left out, because most need it not; a
 * bundler that did not find it left it to the run.
 */
export class PackageMissing extends ExactlyOnceError {
  override name = 'PackageMissing';
  override readonly fault: Fault = 'defect';
  override readonly isWithoutData = true;
  constructor(
    readonly packageName: string,
    /** What needs it, such as `an SNS target`. */
    readonly feature: string,
    options?: ErrorOptions,
  ) {
    super(
      `${packageName} is not in the bundle, and ${feature} needs it: npm install ${packageName}, and deploy again`,
      options,
    );
  }
}

/**
 * For the `catch` of an `import()`, which also lets bundlers go on without the package.
 *
 * @throws PackageMissing when it is not there, otherwise what was thrown
 */
export function unlessMissing(packageName: string, feature: string): (cause: unknown) => never {
  return (cause) => {
    const { code } = cause as { readonly code?: unknown };
    // Of ES modules and of CommonJS.
    if (code === 'ERR_MODULE_NOT_FOUND' || code === 'MODULE_NOT_FOUND')
      throw new PackageMissing(packageName, feature, { cause });
    throw cause;
  };
}
