import http from 'node:http';
import fs from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { createRequire } from 'node:module';
const [host, port] = process.env.AWS_LAMBDA_RUNTIME_API.split(':');
const agent = new http.Agent({ keepAlive: true });
const call = (method, p, body, headers = {}) =>
  new Promise((res, rej) => {
    const r = http.request(
      {
        host,
        port,
        agent,
        method,
        path: '/2018-06-01/runtime/' + p,
        headers: body
          ? { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body), ...headers }
          : headers,
      },
      (x) => {
        const b = [];
        x.on('data', (d) => b.push(d));
        x.on('end', () => res({ h: x.headers, b: Buffer.concat(b).toString() }));
      },
    );
    r.on('error', rej);
    if (body) r.write(body);
    r.end();
  });
const errj = (e) =>
  JSON.stringify({
    errorType: e?.name ?? 'Error',
    errorMessage: e?.message ?? String(e),
    trace: String(e?.stack ?? e).split('\n'),
  });
let handler;
const root = process.env.LAMBDA_TASK_ROOT;
try {
  const i = process.env._HANDLER.lastIndexOf('.');
  const mod = process.env._HANDLER.slice(0, i),
    fn = process.env._HANDLER.slice(i + 1);
  const f = ['.js', '.mjs', '.cjs'].map((x) => path.join(root, mod + x)).find((x) => fs.existsSync(x));
  if (!f)
    throw Object.assign(new Error(`Cannot find module '${mod}'`), { name: 'Runtime.ImportModuleError' });
  let m;
  try {
    m = f.endsWith('.mjs') ? await import(pathToFileURL(f)) : createRequire(f)(f);
  } catch (e) {
    if (e.code === 'ERR_REQUIRE_ESM' || e instanceof SyntaxError) m = await import(pathToFileURL(f));
    else throw e;
  }
  handler = m[fn] ?? m.default?.[fn];
  if (typeof handler !== 'function')
    throw Object.assign(new Error(`${process.env._HANDLER} is undefined or not exported`), {
      name: 'Runtime.HandlerNotFound',
    });
} catch (e) {
  console.error(e);
  await call('POST', 'init/error', errj(e));
  process.exit(1);
}
for (;;) {
  const n = await call('GET', 'invocation/next');
  const id = n.h['lambda-runtime-aws-request-id'];
  const dl = Number(n.h['lambda-runtime-deadline-ms']);
  const ctx = {
    awsRequestId: id,
    invokedFunctionArn: n.h['lambda-runtime-invoked-function-arn'],
    functionName: process.env.AWS_LAMBDA_FUNCTION_NAME,
    functionVersion: process.env.AWS_LAMBDA_FUNCTION_VERSION,
    memoryLimitInMB: process.env.AWS_LAMBDA_FUNCTION_MEMORY_SIZE,
    logGroupName: process.env.AWS_LAMBDA_LOG_GROUP_NAME,
    logStreamName: process.env.AWS_LAMBDA_LOG_STREAM_NAME,
    getRemainingTimeInMillis: () => dl - Date.now(),
  };
  try {
    const r = await new Promise((res, rej) => {
      const p = handler(JSON.parse(n.b), ctx, (e, v) => (e ? rej(e) : res(v)));
      if (p?.then) p.then(res, rej);
      else if (handler.length < 3) res(p);
    });
    await call('POST', `invocation/${id}/response`, JSON.stringify(r) ?? 'null');
  } catch (e) {
    console.error(e);
    await call('POST', `invocation/${id}/error`, errj(e));
  }
}
