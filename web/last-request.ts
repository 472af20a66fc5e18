/** Tells the last of several requests, because the answer to an earlier one may arrive later. */
export class LastRequest {
  #count = 0;

  /** Makes a request the last one. @returns whether it still is */
  begin(): () => boolean {
    this.#count++;
    const own = this.#count;
    return () => own === this.#count;
  }
}
