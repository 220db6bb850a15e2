import { AppError, type Issue } from '#domain/errors.ts';
import { sha256Hex } from '#domain/hash.ts';
import type { Json } from '#domain/json.ts';
import type {
  AnalyticsEngine,
  AnswerColumn,
  Answered,
  AnswerFile,
  Params,
  TakeChunk,
} from '#ports/analytics-engine.ts';
import type { Metrics } from '#ports/metrics.ts';
import type { Storage } from '#ports/storage.ts';
import type { Caller } from '../audit.ts';
import { countedAs } from './outcomes.ts';
import { asAppError } from './query-problems.ts';
import type { FormTable, FormTables } from './tables.ts';

type Deps = {
  storage: Pick<Storage, 'get' | 'getByKey'>;
  tables: FormTables;
  engine: Pick<AnalyticsEngine, 'ask' | 'wake'>;
  metrics: Pick<Metrics, 'count'>;
  /** Keeps that it was asked, before it is answered. */
  note: (caller: Caller, forms: readonly string[], sqlSha256: string) => Promise<void>;
  limits: { timeMs: number; rows: number };
};

export type SqlWish = {
  sql: string;
  params: Params;
  /** Name in the SQL → id or slug of a form. */
  tables: Readonly<Record<string, string>>;
  fresh: boolean;
  /** Whether who asks may see who sent a response. */
  unmasked: boolean;
};
export type SqlAnswer = { columns: readonly AnswerColumn[]; rows: Json[][]; truncated: boolean };

const tableName = /^[a-z_][a-z0-9_]{0,62}$/;
const mostTables = 10;

/** SQL of analysts: one SELECT over tables of forms, checked and limited by the engine, on a copy without what is masked. Each question is in the audit log, with its text's hash. */
export function createAnalystSql(deps: Deps) {
  /** All rows, up to the limit. Errors: `value-refused` for tables, `form-not-published`, `query-…`, `engine-unavailable`, `data-damaged`, the signal's reason. */
  async function answer(caller: Caller, wish: SqlWish, signal: AbortSignal): Promise<SqlAnswer> {
    const rows: Json[][] = [];
    const { columns, truncated } = await ask(caller, wish, signal, (chunk) => void rows.push(...chunk.rows));
    return { columns, rows, truncated };
  }

  /** Into a new file. Errors: as `answer`. */
  async function toFile(caller: Caller, wish: SqlWish, file: AnswerFile, signal: AbortSignal): Promise<Answered> {
    return ask(caller, wish, signal, file);
  }

  async function ask(caller: Caller, wish: SqlWish, signal: AbortSignal, into: TakeChunk | AnswerFile) {
    const forms = await formsOf(wish.tables);
    deps.engine.wake();
    const states: string[] = [];
    const asked: FormTable[] = [];
    const tables = [];
    for (const [name, formId] of forms) {
      const form = await deps.tables.of(formId, { fresh: wish.fresh });
      states.push(`${name} ${form.state}`);
      asked.push(form);
      tables.push({ ...(await form.source({})), name, masked: wish.unmasked ? [] : form.personal });
    }
    await deps.note(caller, [...forms.values()], sha256Hex(wish.sql));
    const snapshot = sha256Hex(JSON.stringify([wish.unmasked, ...states]));
    const question = { sql: wish.sql, params: wish.params, tables, snapshot };
    const work = () =>
      deps.engine.ask(question, { ...deps.limits, signal }, into).catch(async (err) => {
        for (const form of asked) await form.mend(err);
        throw asAppError(err);
      });
    return countedAs(deps.metrics, work);
  }

  async function formsOf(tables: SqlWish['tables']): Promise<Map<string, string>> {
    const names = Object.keys(tables);
    const issues: Issue[] = [];
    if (names.length === 0 || names.length > mostTables)
      issues.push({
        pointer: '/tables',
        code: 'wrong-size',
        detail: `names 1 to ${mostTables} tables, such as {"contact": "the form's id or slug"}`,
      });
    const forms = new Map<string, string>();
    for (const name of names.slice(0, mostTables)) {
      const pointer = `/tables/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`;
      if (!tableName.test(name))
        issues.push({ pointer, code: 'bad-name', detail: 'a table is called by letters a-z, digits and _' });
      const wanted = tables[name]!;
      const form = (await deps.storage.get('form', wanted)) ?? (await deps.storage.getByKey('form', wanted));
      if (form) forms.set(name, form.doc.id);
      else issues.push({ pointer, code: 'form-not-found', detail: 'there is no form of this id or slug' });
    }
    if (issues.length > 0) throw new AppError('value-refused', { detail: 'The tables cannot be used.', issues });
    return forms;
  }

  return { answer, toFile };
}
export type AnalystSql = ReturnType<typeof createAnalystSql>;
