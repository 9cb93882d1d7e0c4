/** How often a sign must be on top, one time after the other, to have been signed. */
const TIMES_IN_A_ROW = 3;

/** The signs that were made one after the other: one that is on top for a moment alone is none of them. */
export class SignHistory {
  readonly signs: string[] = [];
  private candidate: string | undefined;
  private times = 0;
  private isEntered = false;

  /**
   * Takes what was on top of the latest prediction.
   * @param sign undefined for none: after a pause the same sign counts anew.
   * @returns whether the sign has just entered the history.
   */
  take(sign: string | undefined): boolean {
    if (sign !== this.candidate) {
      this.candidate = sign;
      this.times = 0;
      this.isEntered = false;
    }
    this.times++;
    if (sign === undefined || this.isEntered || this.times < TIMES_IN_A_ROW) return false;
    this.isEntered = true;
    this.signs.push(sign);
    return true;
  }
}
