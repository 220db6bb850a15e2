#!/usr/bin/env -S node --max-semi-space-size=16
// The one file in plain JavaScript: what keeps compiled code between starts must be on before the first line of TypeScript is read.
// As TypeScript, this file itself would load the type stripper: 18 MB that stay, and a tenth of a second (bench/start.ts).
import { enableCompileCache } from 'node:module';

import { fileURLToPath } from 'node:url';

// In the environment, so that our threads and child processes have it too: 25 MB for each thread.
process.env.NODE_COMPILE_CACHE ??= fileURLToPath(new URL('../../node_modules/.cache/formstead', import.meta.url));
enableCompileCache(process.env.NODE_COMPILE_CACHE);
await import('./main.ts');
