/** Shortest and longest password we take, in code points. Twelve, and no rules on character classes: NIST SP 800-63B, OWASP. */
export const minPasswordLength = 12;
export const maxPasswordLength = 256;

/** Words that common passwords of twelve and more characters are made of, once or several times, with digits and signs around. */
const commonWords = [
  'password',
  'passwort',
  'passw0rd',
  'qwerty',
  'qwertyuiop',
  'qwertyuiopasdfghjkl',
  'asdfgh',
  'asdfghjkl',
  'zxcvbnm',
  'abc',
  'abcdefghijkl',
  'abcdefghijklmnopqrstuvwxyz',
  'admin',
  'administrator',
  'root',
  'user',
  'test',
  'guest',
  'login',
  'welcome',
  'letmein',
  'changeme',
  'changethis',
  'change',
  'me',
  'please',
  'secret',
  'mysecret',
  'default',
  'example',
  'iloveyou',
  'princess',
  'sunshine',
  'football',
  'baseball',
  'superman',
  'batman',
  'monkey',
  'dragon',
  'master',
  'trustno',
  'whatever',
  'starwars',
  'computer',
  'internet',
  'samsung',
  'correcthorsebatterystaple',
  'formstead',
  'the',
  'my',
  'is',
  'a',
];

const commonPasswords = new Set([
  '1q2w3e4r5t6y',
  '1q2w3e4r5t6y7u',
  '1qaz2wsx3edc',
  '1qaz2wsx3edc4rfv',
  'q1w2e3r4t5y6',
  'qazwsxedcrfv',
  'zaq12wsxcde3',
]);

const onlyCommonWords = new RegExp(`^(?:${commonWords.toSorted((a, b) => b.length - a.length).join('|')})+$`);

/**
 * Why `password` may not be used, as a sentence for the person who chose it, or undefined when it may. `others` are texts it must not simply repeat (the
 * e-mail address). A short list, not a breach corpus: it stops what is tried first.
 */
export function passwordProblem(password: string, others: readonly string[] = []): string | undefined {
  const length = [...password].length;
  if (length < minPasswordLength) return `A password needs at least ${minPasswordLength} characters.`;
  if (length > maxPasswordLength) return `A password has at most ${maxPasswordLength} characters.`;
  const lower = password.toLowerCase();
  if (new Set(lower).size < 5) return 'A password needs at least five different characters.';
  if (others.some((other) => lower === other.toLowerCase())) return 'The password must not be the e-mail address.';
  if (isRun(lower) || isCommon(lower)) return 'The password is one of the most common ones.';
  return undefined;
}

/** `123456789012`, `abcdefghijkl`, `987654321098`: every character follows its neighbour, 0 after 9. */
function isRun(text: string): boolean {
  const steps = new Set<number>();
  for (let i = 1; i < text.length; i++) {
    const step = text.charCodeAt(i) - text.charCodeAt(i - 1);
    steps.add(step === -9 ? 1 : step === 9 ? -1 : step);
  }
  return steps.size === 1 && (steps.has(1) || steps.has(-1));
}

function isCommon(lower: string): boolean {
  if (commonPasswords.has(lower)) return true;
  const letters = lower
    .replaceAll('@', 'a')
    .replaceAll('0', 'o')
    .replace(/[^\p{L}]/gu, '');
  // With few letters, the digits and signs carry the password: 4821-7733-9052-a is not common.
  return letters.length >= lower.length / 2 && letters.length <= 64 && onlyCommonWords.test(letters);
}
