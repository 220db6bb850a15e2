import { readFileSync, writeFileSync } from 'node:fs';

/** Each stands that often in deploy/nginx/nginx.conf; one that does not is an error, since the load would meet a limit and measure that. */
const replacements: { from: string; to: string; times: number }[] = [
  { from: 'rate=100r/s;', to: 'rate=1000000r/s;', times: 1 },
  { from: 'rate=10r/s;', to: 'rate=1000000r/s;', times: 1 },
  { from: 'burst=200 nodelay;', to: 'burst=100000 nodelay;', times: 3 },
  { from: 'burst=60 nodelay;', to: 'burst=100000 nodelay;', times: 1 },
  { from: 'limit_conn connections 64;', to: 'limit_conn connections 4096;', times: 2 },
  {
    from: '        location = /api/v1/auth/login {\n',
    to: `        set $bare http://bare:8080;
        location ~ ^/bare/(each|group)$ {
            limit_req zone=requests burst=100000 nodelay;
            limit_req zone=responses burst=100000 nodelay;
            proxy_pass $bare;
        }
        location = /api/v1/auth/login {
`,
    times: 1,
  },
];

/** All load comes from one address here: its limits are raised, and the bare server gets a place beside the API's. Errors: the file is not what it was. */
export function openForLoad(file: string): void {
  let text = readFileSync(file, 'utf8');
  for (const { from, to, times } of replacements) {
    const parts = text.split(from);
    if (parts.length - 1 !== times) throw new Error(`${file} has ${parts.length - 1} times, not ${times}: ${from}`);
    text = parts.join(to);
  }
  writeFileSync(file, text);
}
