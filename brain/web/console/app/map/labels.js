// Text on the map that keeps out of each other's way.

const TRIES = [[0, 0], [0, -14], [0, 14], [26, -8], [-26, 8], [26, 8], [-26, -8], [0, -28], [0, 28], [46, 0], [-46, 0]];

/** Places texts on one picture of the map; make a new one for each. */
export class Labels {
  constructor(pen, camera, colours) {
    Object.assign(this, { pen, camera, colours, taken: [] });
  }

  /** Keep a box free of text. */
  block(x, y, half) {
    this.taken.push([x - half, y - half, x + half, y + half]);
  }

  /**
   * Write a text round a point where there is room.
   * @param {{size?: number, weight?: number, colour?: string, force?: boolean, below?: number}} options force: written even
   *   where it overlaps; below: beside a mark of this half size instead of on the point
   * @returns {boolean} true when it was written
   */
  write(text, x, y, { size = 12, weight = 500, colour, force = false, below = 0 } = {}) {
    const { pen, camera } = this;
    if (!text || x < -40 || y < -20 || x > camera.width + 40 || y > camera.height + 20) return false;
    pen.font = `${weight} ${size}px "Noto Sans CJK SC", "PingFang SC", "Microsoft YaHei", system-ui, sans-serif`;
    const half = pen.measureText(text).width / 2 + 2;
    const tall = size * 0.62;
    const tries = below ? [[0, below + tall], [half + below, 0], [-half - below, 0], [0, -below - tall]] : TRIES;
    let box = null;
    for (const [dx, dy] of tries) {
      const tried = [x + dx - half, y + dy - tall, x + dx + half, y + dy + tall];
      box ??= tried;
      if (this.taken.every((b) => tried[2] < b[0] || tried[0] > b[2] || tried[3] < b[1] || tried[1] > b[3])) {
        box = tried;
        force = true;
        break;
      }
    }
    if (!force) return false;
    this.taken.push(box);
    const [cx, cy] = [(box[0] + box[2]) / 2, (box[1] + box[3]) / 2];
    pen.textAlign = 'center';
    pen.textBaseline = 'middle';
    pen.lineJoin = 'round';
    pen.strokeStyle = this.colours['label-halo'];
    pen.lineWidth = 3.5;
    pen.strokeText(text, cx, cy);
    pen.fillStyle = colour ?? this.colours.label;
    pen.fillText(text, cx, cy);
    return true;
  }
}
