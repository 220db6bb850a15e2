/** The HTTP API as any program would use it. */
export type ApiClient = {
  get<T>(path: string): Promise<T>;
  post<T>(path: string, body: unknown): Promise<T>;
  remove(path: string): Promise<void>;
  download(path: string): Promise<Uint8Array>;
};

export async function login(url: string, email: string, password: string): Promise<ApiClient> {
  const base = `${url}/api/v1`;
  const { access_token } = await call<{ access_token: string }>(`${base}/auth/login`, {
    method: 'POST',
    body: { email, password },
  });
  return {
    get: (path) => call(base + path, { token: access_token }),
    post: (path, body) => call(base + path, { method: 'POST', body, token: access_token }),
    remove: (path) => call(base + path, { method: 'DELETE', token: access_token }),
    async download(path) {
      const response = await fetch(base + path, { headers: { authorization: `Bearer ${access_token}` } });
      if (!response.ok) throw new Error(`GET ${path}: ${response.status} ${await response.text()}`);
      return new Uint8Array(await response.arrayBuffer());
    },
  };
}

async function call<T>(url: string, options: { method?: string; body?: unknown; token?: string }): Promise<T> {
  const headers: Record<string, string> = {};
  if (options.body !== undefined) headers['content-type'] = 'application/json';
  if (options.token) headers.authorization = `Bearer ${options.token}`;
  const body = options.body === undefined ? undefined : JSON.stringify(options.body);
  const response = await fetch(url, { method: options.method ?? 'GET', headers, body });
  if (!response.ok) throw new Error(`${options.method ?? 'GET'} ${url}: ${response.status} ${await response.text()}`);
  return (response.status === 204 ? undefined : await response.json()) as T;
}
