/** Figures of everybody, side by side. */
export interface BarPanel {
  readonly title: string;
  /** What stands before each group of bars. */
  readonly groups: readonly string[];
  /** A value for each group; NaN: none. */
  readonly series: readonly { readonly name: string; readonly values: readonly number[] }[];
}

/** Figures as time goes on, or as something grows. */
export interface LinePanel {
  readonly title: string;
  readonly xLabel: string;
  readonly series: readonly { readonly name: string; readonly points: readonly (readonly [x: number, y: number])[] }[];
}

const colors = ['#1f6feb', '#8c959f', '#d29922', '#2da44e'];
const [width, left, right] = [760, 170, 90];
const inside = width - left - right;

/** As SVG: one below the other, each from zero. */
export function barChart(title: string, panels: readonly BarPanel[]): string {
  const drawing = new Drawing(title, namesOf(panels));
  for (const { title: heading, groups, series } of panels) {
    drawing.heading(heading);
    const most = Math.max(...series.flatMap(({ values }) => values.filter(Number.isFinite)), Number.MIN_VALUE);
    for (const [nth, group] of groups.entries()) {
      drawing.text(left - 10, drawing.y + series.length * 9 + 4, group, 'end');
      for (const { name, values } of series) {
        const value = values[nth] ?? NaN;
        const length = Number.isFinite(value) ? Math.max(1, (value / most) * inside) : 0;
        drawing.add(
          `<rect x="${left}" y="${drawing.y + 2}" width="${round(length)}" height="14" fill="${drawing.colorOf(name)}"/>`,
        );
        drawing.text(left + length + 6, drawing.y + 13, Number.isFinite(value) ? short(value) : '–');
        drawing.y += 18;
      }
      drawing.y += 8;
    }
  }
  return drawing.done();
}

/** As SVG: one below the other, each from zero. */
export function lineChart(title: string, panels: readonly LinePanel[]): string {
  const drawing = new Drawing(title, namesOf(panels));
  const height = 150;
  for (const { title: heading, xLabel: across, series } of panels) {
    drawing.heading(heading);
    drawing.y += 8;
    const points = series.flatMap((it) => it.points);
    const stepY = step(Math.max(...points.map(([, y]) => y), Number.MIN_VALUE));
    const top = stepY * Math.ceil(Math.max(...points.map(([, y]) => y), stepY) / stepY);
    const endX = Math.max(...points.map(([x]) => x), Number.MIN_VALUE);
    const atX = (x: number): number => round(left + (x / endX) * inside);
    const atY = (y: number): number => round(drawing.y + height - (y / top) * height);
    for (let y = 0; y <= top * 1.0001; y += stepY) {
      drawing.add(`<path d="M${left} ${atY(y)}H${left + inside}" stroke="#d0d7de"/>`);
      drawing.text(left - 10, atY(y) + 4, short(y), 'end');
    }
    for (let x = 0; x <= endX * 1.0001; x += step(endX))
      drawing.text(atX(x), drawing.y + height + 18, short(x), 'middle');
    drawing.text(left + inside + 12, drawing.y + height + 18, across);
    for (const { name, points: its } of series) {
      const path = its.map(([x, y]) => `${atX(x)} ${atY(y)}`).join('L');
      drawing.add(`<path d="M${path}" fill="none" stroke="${drawing.colorOf(name)}" stroke-width="2"/>`);
    }
    drawing.y += height + 34;
  }
  return drawing.done();
}

class Drawing {
  y = 40;
  private readonly parts: string[] = [];

  constructor(
    private readonly title: string,
    private readonly names: readonly string[],
  ) {
    let x = left;
    this.text(20, 26, title, 'start', 'font-size="16" font-weight="600"');
    if (names.length < 2) return;
    for (const name of names) {
      this.add(`<rect x="${x}" y="${this.y + 2}" width="12" height="12" fill="${this.colorOf(name)}"/>`);
      this.text(x + 18, this.y + 12, name);
      x += 40 + 7 * name.length;
    }
    this.y += 20;
  }

  colorOf(name: string): string {
    return colors[this.names.indexOf(name) % colors.length]!;
  }

  heading(text: string): void {
    this.y += 26;
    this.text(20, this.y, text, 'start', 'font-weight="600"');
    this.y += 10;
  }

  text(x: number, y: number, text: string, anchor = 'start', more = ''): void {
    this.add(`<text x="${round(x)}" y="${round(y)}" text-anchor="${anchor}" ${more}>${escaped(text)}</text>`);
  }

  add(part: string): void {
    this.parts.push(part);
  }

  done(): string {
    const size = `width="${width}" height="${this.y + 16}" viewBox="0 0 ${width} ${this.y + 16}"`;
    return [
      `<svg xmlns="http://www.w3.org/2000/svg" ${size} role="img" font-family="system-ui, sans-serif" font-size="12" fill="#1f2328">`,
      `<title>${escaped(this.title)}</title>`,
      '<rect width="100%" height="100%" fill="#ffffff"/>',
      ...this.parts,
      '</svg>\n',
    ].join('\n');
  }
}

const namesOf = (panels: readonly { readonly series: readonly { readonly name: string }[] }[]): readonly string[] => [
  ...new Set(panels.flatMap(({ series }) => series.map(({ name }) => name))),
];

/** Between two lines of a scale that ends at `most`: 1, 2 or 5 of something, three to seven of them. */
function step(most: number): number {
  const power = 10 ** Math.floor(Math.log10(most));
  const leading = most / power;
  return power * (leading < 1.5 ? 0.25 : leading < 3 ? 0.5 : leading < 7 ? 1 : 2);
}

const round = (value: number): number => Math.round(value * 10) / 10;
const short = (value: number): string =>
  value >= 100 ? Math.round(value).toLocaleString('en') : String(Number(value.toPrecision(3)));
const escaped = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
