#!/usr/bin/env node
/** `npx exactly-once-aws`. See docs/cli.md. */
import { heedClosedPipes } from '../targets/closed-pipe.js';
import { runCommandLine } from './run.js';
import { warnOfOldNode } from '../runtime/telemetry/node-version.js';

warnOfOldNode();
heedClosedPipes();
void runCommandLine(process.argv.slice(2));
