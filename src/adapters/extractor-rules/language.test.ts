import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRulesExtractor } from './extractor.ts';

const { language } = createRulesExtractor();

test('the language of an ordinary answer is told', () => {
  const scenarios: [string, string][] = [
    ['The delivery was late and the box was damaged', 'en'],
    ['Einen Tisch für vier Personen bitte', 'de'],
    ['La livraison était en retard', 'fr'],
    ['Una mesa para cuatro personas', 'es'],
    ['La consegna è arrivata tardi', 'it'],
    ['Não consigo entrar na conta', 'pt'],
    ['De levering was te laat', 'nl'],
    ['Dziękuję za szybką odpowiedź', 'pl'],
    ['Спасибо за быстрый ответ', 'ru'],
    ['四人でテーブルを予約したいです', 'ja'],
    // The detector alone says Finnish and English.
    ['So schön die App ist: ohne gemeinsame Ordner für die Familie bleibt sie ein Einzelkämpfer. Kommt da', 'de'],
    ['El altavoz se desconecta del bluetooth cuando recibo una llamada. ¿Cómo lo arreglo?', 'es'],
    ['我想预订一张四人的桌子', 'zh'],
  ];
  for (const [text, code] of scenarios) assert.equal(language(text), code, text);
});

test('the language of a few letters, digits or addresses is not guessed', () => {
  for (const text of [
    '',
    'ok',
    'hello you',
    '12.03.2026 19:30',
    '+49 30 123456',
    'https://www.example.com/the/whole/story',
    '😀😀😀😀😀😀😀😀😀😀😀😀',
  ])
    assert.equal(language(text), undefined, text);
});

test('a long text costs no more than its beginning', () => {
  const text = 'The delivery was late and the box was damaged. '.repeat(50_000);
  const before = process.cpuUsage();
  assert.equal(language(text), 'en');
  assert.ok(process.cpuUsage(before).user < 300_000);
});
