/** Frozen to the last leaf by us. Being frozen at the top proves nothing about what lies below. */
const frozen = new WeakSet<object>();

/** Freezes plain data to its last leaf, so that a reducer that changes what it was given throws instead. */
export function deepFreeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null || frozen.has(value) || ArrayBuffer.isView(value))
    return value;
  frozen.add(value);
  for (const member of Object.values(value)) deepFreeze(member);
  return Object.freeze(value);
}
