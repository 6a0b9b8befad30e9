import { pathToFileURL } from 'node:url';

/** Calls the handler of a module twice with one event, and says what it answers. */
const [file = '', event = ''] = process.argv.slice(2);
const { handler } = await import(pathToFileURL(file).href);
for (let time = 1; time <= 2; time += 1) {
  const answer = await handler(JSON.parse(event), { getRemainingTimeInMillis: () => 30_000 });
  console.log(`answered ${JSON.stringify(answer)}`);
}
process.exit(0);
