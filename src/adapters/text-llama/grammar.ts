import type { AnswerSchema } from '#ports/text-model.ts';

/**
 * The grammar (GBNF) of answers of a schema: one JSON object with every property, in order, on one line. Whatever ends by it parses; a text is at most
 * `maxLength` characters or escapes long. Source: the grammar README of llama.cpp.
 */
export function grammarOf({ properties }: AnswerSchema): string {
  const rules: string[] = [];
  const parts = Object.entries(properties).map(([name, shape], i) => {
    rules.push(`v${i} ::= ${valueRule(shape)}`);
    return `${literal(`${JSON.stringify(name)}: `)} v${i}`;
  });
  const root = `root ::= "{" ${parts.join(' ", " ')} "}"`;
  return [root, ...rules, characterRule].join('\n');
}

const characterRule = String.raw`char ::= [^"\\\x00-\x1F\x7F] | "\\" (["\\/bfnrt] | "u" [0-9a-fA-F] [0-9a-fA-F] [0-9a-fA-F] [0-9a-fA-F])`;

function valueRule(shape: AnswerSchema['properties'][string]): string {
  if (shape.type === 'one-of')
    return ['null', ...shape.values.map((value) => JSON.stringify(value))].map(literal).join(' | ');
  return `"null" | "\\"" char{1,${shape.maxLength}} "\\""`;
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
