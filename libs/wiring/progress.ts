import type { WriteStream } from 'node:tty';

const barWidth = 32;
const redrawIntervalMs = 100;

/** Progress of a long job: a bar that redraws itself on a terminal, elsewhere a line for every tenth. */
export class Progress {
  private done = 0;
  private drawnAt = 0;

  /** `total`: null if it is not known. */
  constructor(
    private readonly total: number | null,
    private readonly unit: string,
    private readonly out: Pick<WriteStream, 'write'> & { isTTY?: boolean } = process.stdout,
  ) {}

  tick(): void {
    this.update(this.done + 1);
  }

  /** `note` is printed after the numbers. */
  update(done: number, note = ''): void {
    const tenthsBefore = this.tenths;
    this.done = done;
    const text = this.text() + note;
    if (this.out.isTTY) {
      if (performance.now() < this.drawnAt + redrawIntervalMs && done !== this.total) return;
      this.drawnAt = performance.now();
      this.out.write(`\r${this.bar()}${text}\u001b[K`);
    } else if (this.tenths > tenthsBefore) {
      this.out.write(`${text}\n`);
    }
  }

  /** Leaves the bar on the screen; further output begins below it. */
  finish(): void {
    if (this.out.isTTY && this.done > 0) this.out.write('\n');
  }

  private get tenths(): number {
    return this.total ? Math.floor((this.done * 10) / this.total) : 0;
  }

  private bar(): string {
    if (!this.total) return '';
    const filled = Math.min(barWidth, Math.round((this.done / this.total) * barWidth));
    return `[${'#'.repeat(filled).padEnd(barWidth, '.')}] `;
  }

  private text(): string {
    const ofTotal = this.total === null ? '' : ` of ${this.total.toLocaleString('en')}`;
    return `${this.done.toLocaleString('en')}${ofTotal} ${this.unit}`;
  }
}
