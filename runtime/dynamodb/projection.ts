import { maxExpressionBytes } from './expression.js';

/**
 * The parameters that make a read return these attributes only; none, and so all of them, where their list would be
 * too long.
 */
export function projection(attributes: readonly string[]): {
  ProjectionExpression?: string;
  ExpressionAttributeNames?: Record<string, string>;
} {
  const ids = attributes.map((_, i) => `#a${i.toString(36)}`);
  const ProjectionExpression = ids.join();
  if (ProjectionExpression.length > maxExpressionBytes) return {};
  return {
    ProjectionExpression,
    ExpressionAttributeNames: Object.fromEntries(ids.map((id, i) => [id, attributes[i] ?? ''])),
  };
}
