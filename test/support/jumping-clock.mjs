/*
 * Loaded with `--import` into a process under torture. Its clock jumps by up to an hour, forwards and backwards, several times a
 * second. Timers are not affected.
 */
const Real = Date;
const farthest = 3_600_000;
let offset = 0;

globalThis.Date = class Date extends Real {
  constructor(...given) {
    if (given.length === 0) super(Real.now() + offset);
    else super(...given);
  }
  static now() {
    return Real.now() + offset;
  }
};

setInterval(() => (offset = Math.round((Math.random() * 2 - 1) * farthest)), 150).unref();
