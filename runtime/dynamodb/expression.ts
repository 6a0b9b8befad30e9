/** DynamoDB: an expression has at most 4 KB. */
export const maxExpressionBytes = 4096;
