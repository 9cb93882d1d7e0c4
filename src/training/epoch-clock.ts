/** Times the parts of an epoch and foretells the end of the training. All times in seconds. */
export class EpochClock {
  trainSeconds = 0;
  validationSeconds = 0;
  private partStarted = 0;
  private epochsTimed = 0;
  private totalSeconds = 0;

  constructor(
    private readonly now: () => Date,
    private readonly epochsToDo: number,
  ) {}

  startTraining(): void {
    this.partStarted = this.now().getTime();
  }

  /** Seconds since the training part of this epoch started. */
  elapsed(): number {
    return (this.now().getTime() - this.partStarted) / 1000;
  }

  startValidation(): void {
    this.trainSeconds = this.elapsed();
    this.partStarted = this.now().getTime();
  }

  endEpoch(): void {
    this.validationSeconds = this.elapsed();
    this.epochsTimed++;
    this.totalSeconds += this.epochSeconds;
  }

  get epochSeconds(): number {
    return this.trainSeconds + this.validationSeconds;
  }

  /** To the end of the training, at the mean pace so far. */
  get etaSeconds(): number {
    return (this.totalSeconds / Math.max(1, this.epochsTimed)) * (this.epochsToDo - this.epochsTimed);
  }
}
