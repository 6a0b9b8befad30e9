import { randomUUID } from 'node:crypto';
import * as z from 'zod/mini';
import { apiSettings, idempotentApi, type Api, type ApiResponse } from '../../../runtime/api/index.js';
import { table } from '../../../runtime/dynamodb/index.js';

const Payment = z.object({
  account: z.string().check(z.regex(/^[\w-]{1,64}$/)),
  cents: z.int(),
  /** What else happens. */
  then: z.optional(z.enum(['busy', 'throws', 'refuses', 'answers bytes', 'sets a cookie'])),
});

/** A payment, counted by no key: one that acts twice is there twice. */
export function payApi(): Api {
  const accounts = table({ name: process.env.ACCOUNTS_TABLE ?? '', partitionKey: 'account' });
  return idempotentApi({
    settings: apiSettings(process.env),
    schema: Payment,
    handle: ({ method, body: { account, cents, then } }, tx): ApiResponse => {
      if (then === 'throws') throw new Error('planted');
      if (then === 'busy') return { status: 429, headers: { 'retry-after': '7' } };
      if (then === 'refuses') return { status: 402, body: { title: 'not enough money', run: randomUUID() } };
      tx.update(accounts, { account }, { add: { payments: 1, cents } });
      if (then === 'answers bytes')
        return {
          status: 200,
          headers: { 'content-type': 'application/octet-stream' },
          body: Uint8Array.from({ length: 256 }, (_, i) => i),
        };
      return {
        status: 201,
        headers: { location: `/payments/${account}` },
        cookies: then === 'sets a cookie' ? ['session=1'] : [],
        body: { account, method, run: randomUUID() },
      };
    },
  });
}
