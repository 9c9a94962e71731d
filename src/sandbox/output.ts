/** Most bytes of a command's output that are kept: half of them from its beginning, half from its end. */
const KEPT = 256 * 1_024;
const HALF = KEPT / 2 - 64;
/** A command that writes more than this is ended, in bytes. */
const MOST = 64 * 1_024 * 1_024;

/** Collects a command's output: head and tail. */
export class Output {
  #head = Buffer.alloc(0);
  #tail: Buffer[] = [];
  #tailBytes = 0;
  #bytes = 0;

  /** False when the command wrote more than any command may. */
  add(piece: Buffer): boolean {
    this.#bytes += piece.length;
    const room = HALF - this.#head.length;
    if (room > 0) this.#head = Buffer.concat([this.#head, piece.subarray(0, room)]);
    const rest = room > 0 ? piece.subarray(room) : piece;
    if (rest.length > 0) {
      this.#tail.push(rest);
      this.#tailBytes += rest.length;
      while (this.#tail[0] !== undefined && this.#tailBytes - this.#tail[0].length >= HALF)
        this.#tailBytes -= this.#tail.shift()?.length ?? 0;
    }
    return this.#bytes <= MOST;
  }

  text(): string {
    const tail = Buffer.concat(this.#tail).subarray(-HALF);
    const left = this.#bytes - this.#head.length - tail.length;
    const gap = left > 0 ? `\n… ${left} bytes left out …\n` : '';
    return `${this.#head.toString('utf8')}${gap}${tail.toString('utf8')}`;
  }
}
