import type { WriteStream } from 'node:tty';

const width = 32;
const everyMs = 100;

/** How far a long job has got: a bar that redraws itself on a terminal, a line for every tenth elsewhere. */
export class Progress {
  private done = 0;
  private shown = 0;

  constructor(
    private readonly total: number,
    private readonly what: string,
    private readonly out: Pick<WriteStream, 'write'> & { isTTY?: boolean } = process.stdout,
  ) {}

  tick(): void {
    this.done += 1;
    if (this.out.isTTY) {
      if (performance.now() < this.shown + everyMs && this.done < this.total) return;
      this.shown = performance.now();
      const filled = Math.round((this.done / this.total) * width);
      this.out.write(`\r[${'#'.repeat(filled).padEnd(width, '.')}] ${this.words()}`);
    } else if (Math.floor((this.done * 10) / this.total) > Math.floor(((this.done - 1) * 10) / this.total)) {
      this.out.write(`${this.words()}\n`);
    }
  }

  /** Leaves the bar as it is and goes on below it. */
  end(): void {
    if (this.out.isTTY && this.done > 0) this.out.write('\n');
  }

  private words(): string {
    return `${this.done.toLocaleString('en')} of ${this.total.toLocaleString('en')} ${this.what}`;
  }
}
