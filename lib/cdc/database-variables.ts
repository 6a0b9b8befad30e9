/** Variables of a worker in which the role of the database is, by field of its secret. */
export const databaseVariables = {
  username: 'EXACTLY_ONCE_DATABASE_USER',
  password: 'EXACTLY_ONCE_DATABASE_PASSWORD',
} as const;

/** As the configuration of a connector refers to a variable of its worker. */
export function variable(name: string): string {
  return `\${env:${name}}`;
}
