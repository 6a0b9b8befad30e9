import { type CfnElement, Stack, Stage } from 'aws-cdk-lib';
import type { IConstruct } from 'constructs';

/** Context under which an app writes down the names that may not change. */
export const pinnedNames = 'exactly-once-aws:names';

const namesOf = new WeakMap<IConstruct, Map<string, () => string>>();

/**
 * A name that what was stored hangs on: of a consumer or an API, whose receipts are found by it, or the logical id of
 * a table or queue, which under another one is made anew and empty.
 *
 * Where the app has the context `exactly-once-aws:names` (an object, under `context` in cdk.json), every name of the
 * app must be in it, under the path of its construct, and nothing else: a rename fails the synth, and says what to
 * write if it is meant. Without the context nothing is checked.
 */
export function pinName(construct: IConstruct, name: () => string): void {
  const { root } = construct.node;
  if (!Stage.isStage(root)) return;
  let names = namesOf.get(root);
  if (names === undefined) {
    const made = new Map<string, () => string>();
    names = made;
    namesOf.set(root, made);
    root.node.addValidation({ validate: () => problems(root, made) });
  }
  names.set(construct.node.path, name);
}

/** Of a table or queue: the logical id of the resource in the template, with what else makes it another one. */
export function pinResource(construct: IConstruct, resource: IConstruct, kind = ''): void {
  pinName(construct, () => {
    const element = resource.node.defaultChild as CfnElement;
    return [kind, Stack.of(resource).resolve(element.logicalId) as string].filter(Boolean).join(' ');
  });
}

/** Whether a rename fails the synth of this app. */
export function areNamesPinned(root: IConstruct): boolean {
  return root.node.tryGetContext(pinnedNames) !== undefined;
}

function problems(root: Stage, made: ReadonlyMap<string, () => string>): string[] {
  const pinned: unknown = root.node.tryGetContext(pinnedNames);
  if (pinned === undefined) return [];
  const names = Object.fromEntries(
    [...made].sort(([a], [b]) => (a < b ? -1 : 1)).map(([path, name]) => [path, name()]),
  );
  const written = (typeof pinned === 'object' && pinned !== null ? pinned : {}) as Record<string, unknown>;
  const changed = [...new Set([...Object.keys(names), ...Object.keys(written)])].flatMap((path) => {
    const [now, before] = [names[path], written[path]];
    if (now === before) return [];
    if (now === undefined) return [`'${path}' was ${JSON.stringify(before)}, and is not there any more`];
    return [
      `'${path}' is '${now}', ${before === undefined ? 'which is new' : `was ${JSON.stringify(before)}`}`,
    ];
  });
  if (changed.length === 0) return [];
  return [
    `what was stored under these names would be forgotten, or is not written down yet: ${changed.join('; ')}. ` +
      `Take the change back, or, if it is meant, write into the "context" of cdk.json: "${pinnedNames}": ${JSON.stringify(names)}`,
  ];
}
