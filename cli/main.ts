#!/usr/bin/env node
/** `npx exactly-once-aws`. See docs/cli.md. */
import { heedClosedPipe } from '../targets/closed-pipe.js';
import { runCommandLine } from './run.js';
import { warnOfOldNode } from '../runtime/telemetry/node-version.js';

warnOfOldNode();
for (const stream of [process.stdout, process.stderr]) heedClosedPipe(stream);
void runCommandLine(process.argv.slice(2));
