// The live picture with what the device recognises. It asks for pictures only while somebody can see them.

const PICTURE_MS = 125;
const WAIT_MS = 500;
// Okabe-Ito, readable for every kind of colour sight; each box carries its name as well.
const COLOURS = ["#56b4e9", "#e69f00", "#009e73", "#f0e442", "#cc79a7", "#d55e00"];

const colourOf = (label) => COLOURS[[...label].reduce((sum, character) => (sum * 31 + character.codePointAt(0)) % 997, 7) % COLOURS.length];

export class Picture {
  #canvas;
  #image = null;
  #detections = [];
  #shown = false;
  #running = false;

  constructor(canvas) {
    this.#canvas = canvas;
    document.addEventListener("visibilitychange", () => this.#run());
    new ResizeObserver(() => this.#draw()).observe(canvas);
  }

  show(shown, detections) {
    this.#detections = detections;
    if (shown === this.#shown) return;
    this.#shown = shown;
    if (!shown) this.#forget();
    this.#run();
  }

  #forget() {
    this.#image?.close();
    this.#image = null;
    this.#canvas.getContext("2d").clearRect(0, 0, this.#canvas.width, this.#canvas.height);
  }

  async #run() {
    if (this.#running) return;
    this.#running = true;
    while (this.#shown && !document.hidden) {
      const image = await fetchPicture();
      if (image && this.#shown) {
        this.#image?.close();
        this.#image = image;
        this.#canvas.style.aspectRatio = `${image.width} / ${image.height}`;
        this.#draw();
      } else {
        image?.close();
      }
      await new Promise((resolve) => setTimeout(resolve, image ? PICTURE_MS : WAIT_MS));
    }
    this.#running = false;
  }

  #draw() {
    const image = this.#image;
    const canvas = this.#canvas;
    if (!image || !canvas.clientWidth) return;
    const scale = window.devicePixelRatio || 1;
    canvas.width = Math.round(canvas.clientWidth * scale);
    canvas.height = Math.round(canvas.clientHeight * scale);
    const pen = canvas.getContext("2d");
    pen.drawImage(image, 0, 0, canvas.width, canvas.height);
    for (const row of this.#detections) drawBox(pen, row, canvas, scale);
  }
}

async function fetchPicture() {
  try {
    const response = await fetch("/api/preview.jpg");
    return response.ok ? await createImageBitmap(await response.blob()) : null;
  } catch {
    return null;
  }
}

function drawBox(pen, row, canvas, scale) {
  const [x, y] = [row.x * canvas.width, row.y * canvas.height];
  const [width, height] = [row.width * canvas.width, row.height * canvas.height];
  const colour = colourOf(row.label);
  pen.lineJoin = "round";
  for (const [style, thick] of [["rgb(0 0 0 / 60%)", 5], [colour, 3]]) {
    pen.strokeStyle = style;
    pen.lineWidth = thick * scale;
    pen.strokeRect(x, y, width, height);
  }
  pen.font = `600 ${14 * scale}px system-ui, sans-serif`;
  const tag = { width: pen.measureText(row.label).width + 12 * scale, height: 22 * scale };
  const left = Math.min(Math.max(0, x - 1.5 * scale), canvas.width - tag.width);
  const top = y >= tag.height ? y - tag.height : Math.max(0, y);
  pen.fillStyle = colour;
  pen.fillRect(left, top, tag.width, tag.height);
  pen.fillStyle = "#000";
  pen.textBaseline = "middle";
  pen.fillText(row.label, left + 6 * scale, top + tag.height / 2);
}
