export interface BarPanel {
  readonly title: string;
  /** The label of each group of bars. */
  readonly groups: readonly string[];
  /** A value for each group; NaN if there is none. */
  readonly series: readonly { readonly name: string; readonly values: readonly number[] }[];
}

export interface LinePanel {
  readonly title: string;
  readonly xLabel: string;
  readonly series: readonly { readonly name: string; readonly points: readonly (readonly [x: number, y: number])[] }[];
}

const colors = ['#1f6feb', '#8c959f', '#d29922', '#2da44e'];
const [width, left, right] = [760, 170, 90];
const plotWidth = width - left - right;
const plotHeight = 150;

/** Returns an SVG with the panels below each other. Every scale starts at zero. */
export function barChart(title: string, panels: readonly BarPanel[]): string {
  const drawing = new Drawing(title, seriesNames(panels));
  for (const { title: heading, groups, series } of panels) {
    drawing.heading(heading);
    const maxValue = Math.max(...series.flatMap(({ values }) => values.filter(Number.isFinite)), Number.MIN_VALUE);
    for (const [index, group] of groups.entries()) {
      drawing.text(left - 10, drawing.y + series.length * 9 + 4, group, 'end');
      for (const { name, values } of series) {
        const value = values[index] ?? NaN;
        const length = Number.isFinite(value) ? Math.max(1, (value / maxValue) * plotWidth) : 0;
        drawing.add(
          `<rect x="${left}" y="${drawing.y + 2}" width="${round(length)}" height="14" fill="${drawing.colorOf(name)}"/>`,
        );
        drawing.text(left + length + 6, drawing.y + 13, Number.isFinite(value) ? formatValue(value) : '–');
        drawing.y += 18;
      }
      drawing.y += 8;
    }
  }
  return drawing.toSvg();
}

/** Returns an SVG with the panels below each other. Every scale starts at zero. */
export function lineChart(title: string, panels: readonly LinePanel[]): string {
  const drawing = new Drawing(title, seriesNames(panels));
  for (const { title: heading, xLabel, series } of panels) {
    drawing.heading(heading);
    drawing.y += 8;
    const points = series.flatMap((line) => line.points);
    const maxX = Math.max(...points.map(([x]) => x), Number.MIN_VALUE);
    const maxY = Math.max(...points.map(([, y]) => y), Number.MIN_VALUE);
    const stepY = gridStep(maxY);
    const topY = stepY * Math.ceil(Math.max(maxY, stepY) / stepY);
    const pixelX = (x: number): number => round(left + (x / maxX) * plotWidth);
    const pixelY = (y: number): number => round(drawing.y + plotHeight - (y / topY) * plotHeight);
    // A little beyond the end, because repeated addition may overshoot the last grid line.
    for (let y = 0; y <= topY * 1.0001; y += stepY) {
      drawing.add(`<path d="M${left} ${pixelY(y)}H${left + plotWidth}" stroke="#d0d7de"/>`);
      drawing.text(left - 10, pixelY(y) + 4, formatValue(y), 'end');
    }
    for (let x = 0; x <= maxX * 1.0001; x += gridStep(maxX))
      drawing.text(pixelX(x), drawing.y + plotHeight + 18, formatValue(x), 'middle');
    drawing.text(left + plotWidth + 12, drawing.y + plotHeight + 18, xLabel);
    for (const { name, points: linePoints } of series) {
      const path = linePoints.map(([x, y]) => `${pixelX(x)} ${pixelY(y)}`).join('L');
      drawing.add(`<path d="M${path}" fill="none" stroke="${drawing.colorOf(name)}" stroke-width="2"/>`);
    }
    drawing.y += plotHeight + 34;
  }
  return drawing.toSvg();
}

class Drawing {
  /** The top of the next element, in pixels. */
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

  text(x: number, y: number, text: string, anchor = 'start', attributes = ''): void {
    this.add(`<text x="${round(x)}" y="${round(y)}" text-anchor="${anchor}" ${attributes}>${escapeXml(text)}</text>`);
  }

  add(part: string): void {
    this.parts.push(part);
  }

  toSvg(): string {
    const size = `width="${width}" height="${this.y + 16}" viewBox="0 0 ${width} ${this.y + 16}"`;
    return [
      `<svg xmlns="http://www.w3.org/2000/svg" ${size} role="img" font-family="system-ui, sans-serif" font-size="12" fill="#1f2328">`,
      `<title>${escapeXml(this.title)}</title>`,
      '<rect width="100%" height="100%" fill="#ffffff"/>',
      ...this.parts,
      '</svg>\n',
    ].join('\n');
  }
}

const seriesNames = (
  panels: readonly { readonly series: readonly { readonly name: string }[] }[],
): readonly string[] => [...new Set(panels.flatMap(({ series }) => series.map(({ name }) => name)))];

/** The distance of grid lines: 1, 2, 2.5 or 5 times a power of ten, so that a scale up to `max` has three to seven of them. */
function gridStep(max: number): number {
  const power = 10 ** Math.floor(Math.log10(max));
  const leading = max / power;
  if (leading < 1.5) return power * 0.25;
  if (leading < 3) return power * 0.5;
  return leading < 7 ? power : power * 2;
}

const round = (value: number): number => Math.round(value * 10) / 10;
const formatValue = (value: number): string =>
  value >= 100 ? Math.round(value).toLocaleString('en') : String(Number(value.toPrecision(3)));
const escapeXml = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
