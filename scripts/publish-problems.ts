interface Manifest {
  readonly author?: unknown;
  readonly homepage?: unknown;
  readonly bugs?: unknown;
  readonly repository?: unknown;
}

/**
 * What of package.json has to be filled before the package is published, a sentence each. With provenance npm refuses
 * a package whose `repository` is not the one that built it, the case of letters included.
 *
 * @param builtFrom address of the repository whose workflow publishes; undefined elsewhere
 * @see https://docs.npmjs.com/generating-provenance-statements
 * @see https://docs.npmjs.com/cli/v11/configuring-npm/package-json#repository
 */
export function publishProblems(manifest: Manifest, builtFrom: string | undefined): string[] {
  const { author, homepage, bugs } = manifest;
  const missing = Object.entries({ author, homepage, bugs })
    .filter(([, value]) => value === undefined || value === '')
    .map(([field]) => `'${field}' of package.json is empty: fill it before publishing`);
  const address = addressOf(manifest.repository);
  if (address === undefined)
    return [
      ...missing,
      `'repository' of package.json is empty: give { "type": "git", "url": "git+${builtFrom ?? 'https://github.com/OWNER/NAME'}.git" }, npm's provenance needs it`,
    ];
  if (builtFrom === undefined || address === builtFrom) return missing;
  return [
    ...missing,
    `'repository' of package.json is ${address}, must be ${builtFrom}, which publishes: npm's provenance compares both`,
  ];
}

function addressOf(repository: unknown): string | undefined {
  const url =
    typeof repository === 'string' ? repository : (repository as { url?: unknown } | undefined)?.url;
  if (typeof url !== 'string' || url === '') return undefined;
  return url
    .replace(/^github:/, 'https://github.com/')
    .replace(/^git\+/, '')
    .replace(/\.git$/, '');
}
