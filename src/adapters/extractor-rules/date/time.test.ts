import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRulesExtractor } from '../extractor.ts';

const extractor = createRulesExtractor();
/** 11:00 in Berlin. */
const context = { now: Date.UTC(2026, 2, 4, 10), timeZone: 'Europe/Berlin' };

function read(text: string, language?: string): string | undefined {
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
    ['alle sette di sera', 'it', '19:00'],
    ['715pm', 'en', '19:15'],
    ["3 o' clock", 'en', '03:00'],
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
    ['within 48 h', 'en'],
    ['ships in 24 h', 'en'],
    ['open 24/7', 'en'],
    ['8 uur lang', 'nl'],
    ['updated in 30 minutes', 'en'],
    ['Antwort in 2 Stunden', 'de'],
    ['ten to twelve people', 'en'],
    ['open from five to eight', 'en'],
    ['five of seven guests', 'en'],
    ['around one or two weeks ago', 'en'],
    ['we are around 12', 'en'],
    ['there will be about 8', 'en'],
  ] as const)
    assert.equal(read(text, language), undefined, text);
});

test('an hour belongs to the half of the day that the words around it say, and is left out where they contradict it', () => {
  const scenarios: [string, string, string | undefined][] = [
    ['at 7', 'en', '07:00'],
    ['dinner at 7', 'en', '19:00'],
    ['dinner for four people on Friday at 7', 'en', '19:00'],
    ['lunch at 1', 'en', '13:00'],
    ['lunch at quarter past 8', 'en', undefined],
    ['breakfast at 8', 'en', '08:00'],
    ['each night around three', 'en', '03:00'],
    ['at 9 tomorrow night', 'en', '21:00'],
    ['tonight at 12', 'en', '00:00'],
    ['in the evening at 12', 'en', undefined],
    ['after breakfast and before dinner, at some point maybe, we could be there at 6', 'en', undefined],
    ['good evening, is there a table at 8?', 'en', '08:00'],
    ['please prepare dinner for 06:00', 'en', '06:00'],
    ['two nights, at 8', 'en', '08:00'],
    ['Samstagabend gegen 8', 'de', '20:00'],
    ['Abendessen um 8', 'de', '20:00'],
    ['morgen früh um 7', 'de', '07:00'],
    ['12 Uhr nachts', 'de', '00:00'],
    ['dîner à 8h', 'fr', '20:00'],
    ['a las 2 de la noche', 'es', '02:00'],
    ['la cena a las 9', 'es', '21:00'],
  ];
  for (const [text, language, value] of scenarios) assert.equal(read(text, language), value, text);
});

test('a word for an hour counts in its own language only; of an unknown one only what no other language has', () => {
  const scenarios: [string, string | undefined, string | undefined][] = [
    ['a las once', 'es', '11:00'],
    ['I went there at once', 'en', undefined],
    ['at once', undefined, undefined],
    ['alle 7', 'it', '07:00'],
    ['wir alle 7', 'de', undefined],
    ['um 7', 'de', '07:00'],
    ['um 7', 'en', undefined],
    ['às 7', 'pt', '07:00'],
    ['as 7', 'en', undefined],
    ['demain midi', 'fr', '12:00'],
    ['the MIDI keyboard', 'en', undefined],
    ['MIDI', undefined, undefined],
    ['at seven', undefined, '07:00'],
    ['halb acht', undefined, '07:30'],
  ];
  for (const [text, language, value] of scenarios) {
    const people = { name: 'people', type: 'number' as const };
    const found = extractor.extract(text, [{ name: 'at', type: 'time' }, people], { ...context, language });
    assert.equal(found.at?.value, value, `${text} ${language}`);
  }
});

test('a plain time goes before an hour that is only half said', () => {
  assert.equal(read('Mein Zug geht um sieben. Gibt es um 6:00 Uhr schon Kaffee?', 'de'), '06:00');
  assert.equal(read('Our table was for 7pm. Could it be 8pm?', 'en'), '20:00');
  assert.equal(read('Unser Tisch war für 19 Uhr vorgesehen. Wäre auch 20:00 Uhr möglich?', 'de'), '20:00');
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
