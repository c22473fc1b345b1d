import type { WriteStream } from 'node:tty';

const width = 32;
const everyMs = 100;

/** How far a long job has got: a bar that redraws itself on a terminal, a line for every tenth elsewhere. */
export class Progress {
  private done = 0;
  private shown = 0;

  /** `total`: null when nobody knows. */
  constructor(
    private readonly total: number | null,
    private readonly what: string,
    private readonly out: Pick<WriteStream, 'write'> & { isTTY?: boolean } = process.stdout,
  ) {}

  tick(): void {
    this.update(this.done + 1);
  }

  /** `note` stands behind the numbers. */
  update(done: number, note = ''): void {
    const before = this.tenths;
    this.done = done;
    const words = this.words() + note;
    if (this.out.isTTY) {
      if (performance.now() < this.shown + everyMs && done !== this.total) return;
      this.shown = performance.now();
      this.out.write(`\r${this.bar()}${words}\u001b[K`);
    } else if (this.tenths > before) {
      this.out.write(`${words}\n`);
    }
  }

  /** Leaves the bar as it is and goes on below it. */
  finish(): void {
    if (this.out.isTTY && this.done > 0) this.out.write('\n');
  }

  private get tenths(): number {
    return this.total ? Math.floor((this.done * 10) / this.total) : 0;
  }

  private bar(): string {
    if (!this.total) return '';
    const filled = Math.min(width, Math.round((this.done / this.total) * width));
    return `[${'#'.repeat(filled).padEnd(width, '.')}] `;
  }

  private words(): string {
    const of = this.total === null ? '' : ` of ${this.total.toLocaleString('en')}`;
    return `${this.done.toLocaleString('en')}${of} ${this.what}`;
  }
}
