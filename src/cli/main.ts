#!/usr/bin/env node
import { enableCompileCache } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

// Compiled code is kept between starts: with it the server answers its first response in about half the time (bench/start.ts).
// Set for our threads and child processes too: without it each of them loads the type stripper, about 25 MB a thread.
process.env.NODE_COMPILE_CACHE ??= join(tmpdir(), 'node-compile-cache');
enableCompileCache(process.env.NODE_COMPILE_CACHE);
const { run } = await import('./program.ts');
await run(process.argv);
