/** The last minutes of metrics, kept in memory for windows that open. */
import type { MetricsPoint } from '../model/metrics.js';

/** Five minutes at one point per second. */
const historyPointsDefault = 300;

/** A ring of the newest points. Old ones are overwritten, so its size never changes. */
export class MetricsHistory {
  private readonly points: MetricsPoint[] = [];
  private next = 0;

  /** @param pointsMax how many points are kept, at least one */
  constructor(private readonly pointsMax = historyPointsDefault) {
    if (!Number.isInteger(pointsMax) || pointsMax < 1)
      throw new RangeError('a history keeps at least one point');
  }

  /** Adds a point. */
  append(point: MetricsPoint): void {
    this.points[this.next] = point;
    this.next = (this.next + 1) % this.pointsMax;
  }

  /** All points in the order they were added, oldest first. */
  all(): MetricsPoint[] {
    return this.points.length < this.pointsMax
      ? [...this.points]
      : [...this.points.slice(this.next), ...this.points.slice(0, this.next)];
  }

  /** The points of the last `windowMs` before `nowMs`, oldest first. */
  since(nowMs: number, windowMs: number): MetricsPoint[] {
    return this.all().filter(({ atMs }) => atMs > nowMs - windowMs);
  }

  get latest(): MetricsPoint | undefined {
    return this.points[(this.next + this.pointsMax - 1) % this.pointsMax];
  }
}
