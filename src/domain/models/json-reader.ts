import type { Issue } from '#domain/errors.ts';

/** Takes values out of a JSON object and notes what is wrong in `issues`, each with its pointer. What it returns for a wrong value is never used. */
export class JsonReader {
  readonly #values: Record<string, unknown> = {};
  readonly #pointer: string;
  readonly #issues: Issue[];

  constructor(json: unknown, pointer: string, issues: Issue[]) {
    this.#pointer = pointer;
    this.#issues = issues;
    if (typeof json === 'object' && json !== null && !Array.isArray(json)) this.#values = { ...json };
    else this.#note(pointer, 'must be an object');
  }

  wrong(key: string, detail: string): void {
    this.#note(`${this.#pointer}/${key}`, detail);
  }

  only(keys: readonly string[]): this {
    for (const key of Object.keys(this.#values))
      if (!keys.includes(key))
        this.wrong(key.replaceAll('~', '~0').replaceAll('/', '~1'), `is not a key here; ${keys.join(', ')} are`);
    return this;
  }

  text(key: string, pattern: RegExp, format: string): string {
    const value = this.#values[key];
    if (typeof value === 'string' && pattern.test(value)) return value;
    this.wrong(key, `must be ${format}`);
    return '';
  }

  number(key: string, min: number, max: number): number {
    const value = this.#values[key];
    if (typeof value === 'number' && value >= min && value <= max) return value;
    this.wrong(key, `must be a number from ${min} to ${max}`);
    return min;
  }

  integer(key: string, min: number, max: number): number {
    const value = this.#values[key];
    if (typeof value === 'number' && Number.isSafeInteger(value) && value >= min && value <= max) return value;
    this.wrong(key, `must be a whole number from ${min} to ${max}`);
    return min;
  }

  oneOf<const V extends string>(key: string, all: readonly V[]): V {
    const found = all.find((one) => one === this.#values[key]);
    if (found === undefined) this.wrong(key, `must be one of ${all.join(', ')}`);
    return found ?? all[0]!;
  }

  has(key: string): boolean {
    return this.#values[key] !== undefined;
  }

  object(key: string): JsonReader {
    return new JsonReader(this.#values[key], `${this.#pointer}/${key}`, this.#issues);
  }

  list(key: string, most: number): JsonReader[] {
    const value = this.#values[key];
    if (Array.isArray(value) && value.length <= most)
      return value.map((each, i) => new JsonReader(each, `${this.#pointer}/${key}/${i}`, this.#issues));
    this.wrong(key, `must be a list of at most ${most}`);
    return [];
  }

  #note(pointer: string, detail: string): void {
    this.#issues.push({ pointer, code: 'model-registry', detail });
  }
}
