/**
 * Lets the command end when nobody reads what it prints any more (`| head`): the rest is dropped, and the exit code
 * says what it would have said.
 */
export function heedClosedPipe(stream: NodeJS.WriteStream): void {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
  });
}
