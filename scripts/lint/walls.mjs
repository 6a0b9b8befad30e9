import { dirname, posix, relative, sep } from 'node:path';

/**
 * A wall between rooms.
 *
 * @typedef {object} Wall
 * @property {readonly string[]} of Whose files: folders that end in `/`, or files.
 * @property {readonly string[]} [but] Those of them that it does not hold for.
 * @property {readonly string[]} never What they may not import: folders and files of this repository, and packages. `package#Name` is
 *   what a package exports under names that begin so.
 * @property {readonly string[]} [except] What of that they may import all the same.
 * @property {string} because Where the code belongs instead, or why.
 */

const within = (place, areas = []) =>
  areas.some((area) => place === area || place.startsWith(area.endsWith('/') ? area : `${area}/`));

/** What of `names` a wall is about: undefined names are all of the module. */
function meets(target, names, spec) {
  const [place, prefix] = spec.split('#');
  if (!within(target, [place])) return false;
  return prefix === undefined || names === undefined || names.some((name) => name.startsWith(prefix));
}

/** Imported names, or undefined where it is everything. */
function namesOf(node) {
  if (node.type === 'TSImportType')
    return node.qualifier?.name === undefined ? undefined : [node.qualifier.name];
  if (node.type === 'ImportDeclaration' || node.type === 'ExportNamedDeclaration') {
    const names = node.specifiers.map((one) => (one.imported ?? (one.exported && one.local))?.name);
    return names.includes(undefined) ? undefined : names;
  }
  return undefined;
}

/** Holds every import to the walls: of values and of types, static and dynamic, and what is exported from elsewhere. */
const imports = {
  meta: {
    type: 'problem',
    schema: [{ type: 'object' }],
    messages: { wall: '{{file}} may not import {{target}}: {{because}}' },
  },
  create(context) {
    const [{ walls, notYet = {} }] = context.options;
    const file = relative(context.cwd, context.filename).replaceAll(sep, '/');
    const own = walls.filter(({ of, but }) => within(file, of) && !within(file, but));
    const excused = Object.entries(notYet).flatMap(([area, targets]) =>
      within(file, [area]) ? targets : [],
    );
    const check = (node, source = node.source) => {
      if (typeof source?.value !== 'string') return;
      const { value } = source;
      const target = value.startsWith('.') ? posix.join(dirname(file), value).replace(/\.js$/, '.ts') : value;
      const names = namesOf(node);
      for (const { never, except, because } of own)
        if (
          never.some((spec) => meets(target, names, spec)) &&
          !within(target, except) &&
          !within(target, excused)
        )
          context.report({ node, messageId: 'wall', data: { file, target, because } });
    };
    return {
      ImportDeclaration: (node) => check(node),
      ExportAllDeclaration: (node) => check(node),
      ExportNamedDeclaration: (node) => check(node),
      ImportExpression: (node) => check(node),
      TSImportType: (node) => check(node, node.source ?? node.argument?.literal),
      "CallExpression[callee.name='require']": (node) => check(node, node.arguments[0]),
    };
  },
};

/** Plugin `walls`, rule `walls/imports`, with `{ walls: Wall[], notYet: { [of]: never[] } }`. */
export default { rules: { imports } };
