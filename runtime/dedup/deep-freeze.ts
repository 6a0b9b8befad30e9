/**
 * What has leaves further down, and is frozen to the last of them by us. Being frozen at the top proves nothing about
 * what lies below.
 */
const frozen = new WeakSet<object>();

/** Freezes plain data to its last leaf, so that a reducer that changes what it was given throws instead. */
export function deepFreeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null || frozen.has(value) || ArrayBuffer.isView(value))
    return value;
  // A cycle ends here. What is flat is sooner frozen again than remembered.
  let isDeep = false;
  for (const member of Object.values(value) as unknown[])
    if (typeof member === 'object' && member !== null) {
      if (!isDeep) frozen.add(value);
      isDeep = true;
      deepFreeze(member);
    }
  return Object.freeze(value);
}
