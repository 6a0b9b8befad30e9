/**
 * A transaction of somebody else's, as this library needs it: one method. The adapters make one of what Kysely,
 * Drizzle, Knex, Prisma, postgres.js and `pg` give, without importing any of them.
 */
export interface SqlPort {
  /** Sends one statement, with `$1`, `$2`, ... for the values, in the transaction that is open. */
  executeSql(
    text: string,
    values: readonly unknown[],
  ): Promise<{ readonly rows: readonly Readonly<Record<string, unknown>>[] }>;
}

type Rows = readonly Readonly<Record<string, unknown>>[];

/**
 * A client of `pg` between BEGIN and COMMIT, or the `tx` that a handler is given. Never the pool: each statement
 * would be a transaction of its own.
 */
export function fromPg(client: {
  query(text: string, values?: unknown[]): Promise<{ rows: readonly unknown[] }>;
}): SqlPort {
  return {
    async executeSql(text, values) {
      const { rows } = await client.query(text, [...values]);
      return { rows: rows as Rows };
    },
  };
}

/** What `sql.begin` of postgres.js gives. */
export function fromPostgresJs(sql: {
  unsafe(text: string, values?: never[]): PromiseLike<readonly unknown[]>;
}): SqlPort {
  return {
    async executeSql(text, values) {
      return { rows: [...(await sql.unsafe(text, [...values] as never[]))] as unknown as Rows };
    },
  };
}

/** What `db.transaction().execute` of Kysely gives, on its Postgres dialect. */
export function fromKysely(trx: { executeQuery(compiled: never): Promise<{ rows: unknown[] }> }): SqlPort {
  return {
    async executeSql(text, values) {
      // As `CompiledQuery.raw` of Kysely makes it.
      const compiled = {
        sql: text,
        parameters: values,
        query: { kind: 'RawNode', sqlFragments: [text], parameters: [] },
        queryId: { queryId: 'exactly-once' },
      };
      const { rows } = await trx.executeQuery(compiled as never);
      return { rows: rows as Rows };
    },
  };
}

/**
 * What `db.transaction` of Drizzle gives, on node-postgres or postgres.js.
 *
 * @param sql the tag of `drizzle-orm`: it makes statements of what Drizzle can send
 */
export function fromDrizzle<Statement>(
  tx: { execute(statement: Statement): PromiseLike<unknown> },
  sql: (strings: TemplateStringsArray, ...values: never[]) => Statement,
): SqlPort {
  return {
    async executeSql(text, values) {
      const { parts, given } = inOrder(text, values);
      const strings = Object.assign([...parts], { raw: parts });
      const answer = await tx.execute(sql(strings, ...(given as never[])));
      const rows = Array.isArray(answer) ? [...(answer as unknown[])] : (answer as { rows: unknown[] }).rows;
      return { rows: rows as Rows };
    },
  };
}

/** What `knex.transaction` gives, with the client `pg`. */
export function fromKnex(trx: { raw(text: string, bindings: never): PromiseLike<unknown> }): SqlPort {
  return {
    async executeSql(text, values) {
      const { parts, given } = inOrder(text, values);
      const { rows } = (await trx.raw(parts.join('?'), given as never)) as { rows: unknown[] };
      return { rows: rows as Rows };
    },
  };
}

/** What `prisma.$transaction(async (tx) => ...)` gives, on Postgres. */
export function fromPrisma(tx: {
  $queryRawUnsafe(text: string, ...values: unknown[]): PromiseLike<unknown>;
}): SqlPort {
  return {
    async executeSql(text, values) {
      return { rows: (await tx.$queryRawUnsafe(text, ...values)) as Rows };
    },
  };
}

/** A statement for clients that number their values themselves: the text between them, and each where it stands. */
function inOrder(text: string, values: readonly unknown[]): { parts: string[]; given: unknown[] } {
  const pieces = text.split(/\$(\d+)/);
  return {
    parts: pieces.filter((_, i) => i % 2 === 0),
    given: pieces.filter((_, i) => i % 2 === 1).map((number) => values[Number(number) - 1]),
  };
}
