import type { AnswerSchema } from '#ports/text-model.ts';

/**
 * The grammar (GBNF) of answers of a schema: one JSON object with every property, in order, on one line. Whatever ends by it parses; a text is at most
 * `maxLength` characters or escapes long, or words of the text that was given. Source: the grammar README of llama.cpp.
 */
export function grammarOf({ properties }: AnswerSchema): string {
  const rules: string[] = [];
  const ruleOf = new Map<string, string>();
  const parts = Object.entries(properties).map(([name, shape]) => {
    // Fields that are asked for in the same words of the same text share a rule.
    const body = valueRule(shape);
    const rule = ruleOf.get(body) ?? `v${ruleOf.size}`;
    if (!ruleOf.has(body)) rules.push(`${rule} ::= ${body}`);
    ruleOf.set(body, rule);
    return `${literal(`${JSON.stringify(name)}: `)} ${rule}`;
  });
  const root = `root ::= "{" ${parts.join(' ", " ')} "}"`;
  return [root, ...rules, characterRule].join('\n');
}

const characterRule = String.raw`char ::= [^"\\\x00-\x1F\x7F] | "\\" (["\\/bfnrt] | "u" [0-9a-fA-F] [0-9a-fA-F] [0-9a-fA-F] [0-9a-fA-F])`;

function valueRule(shape: AnswerSchema['properties'][string]): string {
  if (shape.type === 'one-of')
    return ['null', ...shape.values.map((value) => JSON.stringify(value))].map(literal).join(' | ');
  if (shape.type === 'words-of') {
    const starts = runsOf(shape.text, shape.most);
    return starts.length === 0 ? '"null"' : `"null" | "\\"" (${starts.join(' | ')}) "\\""`;
  }
  return `"null" | "\\"" char{1,${shape.maxLength}} "\\""`;
}

/** Beyond these a grammar takes longer to try than the model to answer: a text of 300 pieces has about 1,500 letters. */
const mostPieces = 300;

/** From each word on the pieces that follow it, each one more as you like: `"9" (" people" (" on")?)?`. */
function runsOf(text: string, most: number): string[] {
  const pieces = [...text.matchAll(/(\s*)([\p{L}\p{N}\p{M}_]+|[^\s\p{L}\p{N}\p{M}_])/gu)].slice(0, mostPieces);
  const inString = (part: string) => literal(JSON.stringify(part).slice(1, -1));
  const starts = new Set<string>();
  pieces.forEach(([, , piece], i) => {
    if (!/[\p{L}\p{N}]/u.test(piece!)) return;
    const run = pieces.slice(i + 1, i + most);
    const more = run.map(([, space, next]) => ` (${inString(`${space}${next}`)}`).join('');
    starts.add(`${inString(piece!)}${more}${')?'.repeat(run.length)}`);
  });
  return [...starts];
}

/** A text as a literal of the grammar. */
function literal(text: string): string {
  const escaped = text
    .replaceAll('\\', '\\\\')
    .replaceAll('"', '\\"')
    .replaceAll('\n', '\\n')
    .replaceAll('\r', '\\r')
    .replaceAll('\t', '\\t');
  return `"${escaped}"`;
}
