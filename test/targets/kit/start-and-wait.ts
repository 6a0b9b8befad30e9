import { startEmulator } from '../../../targets/embedded/emulator.js';
import { emulatorPython } from '../../../targets/embedded/python.js';

/** Starts an emulator, says where, and waits for its own end. For the tests that end it. */
async function main(): Promise<void> {
  const python = await emulatorPython(() => undefined);
  const { port, pid, folder } = await startEmulator(python, { region: 'us-east-1', account: '000000000000' });
  process.stdout.write(`${JSON.stringify({ port, pid, folder })}\n`);
  // The emulator does not keep the process alive, this does.
  setInterval(() => undefined, 1000);
}

void main();
