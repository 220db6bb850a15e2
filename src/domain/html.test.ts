import assert from 'node:assert/strict';
import { test } from 'node:test';
import { html } from './html.ts';

test('text is escaped, in content and in attributes, and markup is not escaped again', () => {
  const evil = `<script>&"'`;
  assert.equal(
    html`<p title="${evil}">${evil}</p>`.markup,
    '<p title="&lt;script&gt;&amp;&quot;&#39;">&lt;script&gt;&amp;&quot;&#39;</p>',
  );
  assert.equal(
    html`<ul>${[html`<li>${1}</li>`, html`<li>${'<'}</li>`]}</ul>`.markup,
    '<ul><li>1</li><li>&lt;</li></ul>',
  );
  assert.equal(html`a${undefined}b`.markup, 'ab');
});
