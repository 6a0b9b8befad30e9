import { join } from 'node:path';

/** The folder of package.json: everything the local targets keep lives below it, whatever the working directory is. */
export const packageRoot = join(__dirname, '..');

/** Executables of the package's dependencies. First on a PATH it makes `node` the version in package.json. */
export const binFolder = join(packageRoot, 'node_modules', '.bin');
