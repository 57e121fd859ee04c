#!/usr/bin/env node
/**
 * The command line: makes the clone ready, then becomes the program. No child process stands in
 * between, so a signal reaches the server itself.
 */
import { ensureReady, mainUrl, NotReady } from '../tools/setup.mjs';

try {
  await ensureReady({ needDev: false });
} catch (error) {
  if (!(error instanceof NotReady)) throw error;
  console.error(error.message);
  process.exit(1);
}
const { main } = await import(mainUrl());
process.exitCode = await main(process.argv.slice(2));
