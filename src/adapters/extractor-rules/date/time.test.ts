import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRulesExtractor } from '../extractor.ts';

const extractor = createRulesExtractor();
/** 11:00 in Berlin. */
const context = { now: Date.UTC(2026, 2, 4, 10), timeZone: 'Europe/Berlin' };

function read(text: string, language: string): string | undefined {
  return extractor.extract(text, [{ name: 'at', type: 'time' }], { ...context, language }).at?.value;
}

test('a time of day is read as HH:MM in several languages', () => {
  const scenarios: [string, string, string][] = [
    ['7pm', 'en', '19:00'],
    ['12 a.m.', 'en', '00:00'],
    ['12:45PM.', 'en', '12:45'],
    ['19:30', 'en', '19:30'],
    ['12:30:45', 'en', '12:30'],
    ['0730pm', 'en', '19:30'],
    ['half past seven', 'en', '07:30'],
    ['half-past 6', 'en', '06:30'],
    ['half eight', 'en', '08:30'],
    ['quarter to 8 pm', 'en', '19:45'],
    ['a quarter past six in the evening', 'en', '18:15'],
    ['five to eight', 'en', '07:55'],
    ['30 minutes before 12pm', 'en', '11:30'],
    ['noon', 'en', '12:00'],
    ['midnight', 'en', '00:00'],
    ['at 7 please', 'en', '07:00'],
    ['tomorrow evening at 8', 'en', '20:00'],
    ['at 7 tonight', 'en', '19:00'],
    ["8 o'clock", 'en', '08:00'],
    ['around 6ish', 'en', '06:00'],
    ['in an hour', 'en', '12:00'],
    ['in half an hour', 'en', '11:30'],
    ['two hours from now', 'en', '13:00'],
    ['dans une demi-heure', 'fr', '11:30'],
    ['dentro de dos horas', 'es', '13:00'],
    ['over een half uur', 'nl', '11:30'],
    ['19 Uhr', 'de', '19:00'],
    ['19.30 Uhr', 'de', '19:30'],
    ['um 7 Uhr abends', 'de', '19:00'],
    ['um acht am Freitag', 'de', '08:00'],
    ['halb acht', 'de', '07:30'],
    ['Viertel nach 7', 'de', '07:15'],
    ['Viertel vor acht', 'de', '07:45'],
    ['zehn nach acht', 'de', '08:10'],
    ['in 30 Minuten', 'de', '11:30'],
    ['19h30', 'fr', '19:30'],
    ['à 19h', 'fr', '19:00'],
    ['midi', 'fr', '12:00'],
    ['à 8 heures et demie', 'fr', '08:30'],
    ['huit heures moins le quart', 'fr', '07:45'],
    ['a las siete y media', 'es', '07:30'],
    ['las 7 de la tarde', 'es', '19:00'],
    ['mediodía', 'es', '12:00'],
    ['half acht', 'nl', '07:30'],
  ];
  for (const [text, language, value] of scenarios) assert.equal(read(text, language), value, text);
});

test('a number that counts, names or measures something is no time', () => {
  for (const [text, language] of [
    ['at 7 people', 'en'],
    ['after 5 days', 'en'],
    ['at 10 Downing Street', 'en'],
    ['for 3 hours', 'en'],
    ['I made it over three hours ago', 'en'],
    ['3h de retard', 'fr'],
    ['vor 3 Tagen', 'de'],
    ['25:00', 'en'],
    ['12:60', 'en'],
    ['score 3:2', 'en'],
    ['ratio 16:9', 'en'],
    ['1:1 meeting', 'en'],
    ['version 10.30', 'en'],
    ['costs 6.15', 'en'],
    ['12.03.2026', 'de'],
    ['10 to 8', 'en'],
    ['two to four people', 'en'],
    ['at night', 'en'],
    ["l'après-midi", 'fr'],
    ['las siete maravillas', 'es'],
    ['I am 12', 'en'],
    ['call 19 30 12 45', 'en'],
    ['13 am', 'en'],
  ] as const)
    assert.equal(read(text, language), undefined, text);
});

test('a bare hour is a time only when the form asks for no number', () => {
  const time = { name: 'at', type: 'time' as const };
  const people = { name: 'people', type: 'number' as const };
  assert.equal(extractor.extract('7', [time], context).at?.value, '07:00');
  const both = extractor.extract('7', [time, people], context);
  assert.equal(both.at, undefined);
  assert.equal(both.people?.value, '7');
  assert.equal(extractor.extract('2030', [time, people], context).at?.value, '20:30');
  assert.equal(extractor.extract('47', [time], context).at, undefined);
});

test('a delay is a time and a day, across midnight too', () => {
  const fields = [
    { name: 'at', type: 'time' as const },
    { name: 'day', type: 'date' as const },
  ];
  const found = extractor.extract('in 2 hours', fields, {
    now: Date.UTC(2026, 11, 31, 22, 15),
    timeZone: 'Europe/Berlin',
  });
  assert.equal(found.at?.value, '01:15');
  assert.equal(found.day?.value, '2027-01-01');
});
