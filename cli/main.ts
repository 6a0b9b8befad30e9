#!/usr/bin/env node
/** `npx exactly-once-aws`. See docs/cli.md. */
import { runCommandLine } from './run.js';

void runCommandLine(process.argv.slice(2));
