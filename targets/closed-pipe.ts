/**
 * Lets a program go on to its end when nobody reads what it prints any more (`| head`): the rest is dropped, what it
 * started is still undone, and the exit code says what it would have said. What cannot be written for another reason,
 * such as a full disk, is missing to whoever reads it later: it is told, and the exit code is 2.
 */
export function heedClosedPipes(): void {
  for (const stream of [process.stdout, process.stderr]) heedClosedPipe(stream);
}

function heedClosedPipe(stream: NodeJS.WriteStream): void {
  let told = false;
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE' || told) return;
    told = true;
    if (stream !== process.stderr)
      process.stderr.write(`could not run: what was found cannot be written: ${error.message}\n`);
    // At the end, so that no status that is set later says otherwise.
    process.once('exit', () => (process.exitCode = 2));
  });
}
