import { type Html, html } from '../html.ts';

/** Small charts as inline SVG, and the same in letters for text parts and for mailboxes that show no SVG. */

export type Bar = { name: string; count: number };

const width = 560;
const barHeight = 22;
const columnsHeight = 90;
/** Letters of the longest bar. */
const longestBar = 30;

/** One column for each day, its count above it. `label` says what is shown. */
export function columnChart(label: string, bars: readonly Bar[]): Html {
  const most = Math.max(1, ...bars.map(({ count }) => count));
  const step = width / Math.max(1, bars.length);
  const columns = bars.map(({ name, count }, index) => {
    const height = rounded((count / most) * columnsHeight);
    const middle = rounded((index + 0.5) * step);
    return html`<rect x="${rounded(index * step + 3)}" y="${rounded(columnsHeight + 16 - height)}" width="${rounded(step - 6)}" height="${height}" fill="#3366cc"/>
<text x="${middle}" y="${rounded(columnsHeight + 12 - height)}" text-anchor="middle">${count}</text>
<text x="${middle}" y="${columnsHeight + 30}" text-anchor="middle" fill="#666666">${name}</text>\n`;
  });
  return svg(label, bars, columnsHeight + 36, columns);
}

/** One bar for each name, the longest first as they are given. */
export function barChart(label: string, bars: readonly Bar[]): Html {
  const most = Math.max(1, ...bars.map(({ count }) => count));
  const rows = bars.map(({ name, count }, index) => {
    const top = index * barHeight;
    return html`<text x="170" y="${top + 15}" text-anchor="end">${name}</text>
<rect x="180" y="${top + 3}" width="${rounded((count / most) * (width - 240))}" height="${barHeight - 6}" fill="#3366cc"/>
<text x="${rounded(186 + (count / most) * (width - 240))}" y="${top + 15}">${count}</text>\n`;
  });
  return svg(label, bars, bars.length * barHeight, rows);
}

function svg(label: string, bars: readonly Bar[], height: number, parts: readonly Html[]): Html {
  return html`<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-label="${label}" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" style="max-width:100%" font-family="sans-serif" font-size="11" fill="#1a1a1a">
<title>${label}</title><desc>${alternative(bars)}</desc>
${parts}</svg>`;
}

/** The chart in one sentence: `01-14: 3, 01-15: 0`. */
export function alternative(bars: readonly Bar[]): string {
  return bars.map(({ name, count }) => `${name}: ${count}`).join(', ');
}

/** The chart in letters, a line for each bar. */
export function barsAsText(bars: readonly Bar[]): string {
  const most = Math.max(1, ...bars.map(({ count }) => count));
  return bars
    .map(({ name, count }) => {
      // A count that is not 0 must be seen.
      const length = count === 0 ? 0 : Math.max(1, Math.round((count / most) * longestBar));
      return `${name}  ${'#'.repeat(length)}${length > 0 ? ' ' : ''}${count}`;
    })
    .join('\n');
}

const rounded = (value: number): number => Math.round(value * 10) / 10;
