// A BMP of 8 or 24 bits as pixels, null for other files. It is drawn at once: the browser's decoder answers only after
// all messages that wait by then, and each of them takes longer than the decoding.
function decodeBmp(data) {
  if (data.getUint16(0) !== 0x424d) return null; // "BM"
  const [start, width, height] = [10, 18, 22].map((at) => data.getUint32(at, true));
  const bits = data.getUint16(28, true);
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  const image = new ImageData(width, height);
  const pixels = new Uint32Array(image.data.buffer);
  const colour = (at) => 0xff000000 | (bytes[at] << 16) | (bytes[at + 1] << 8) | bytes[at + 2];
  const palette = Uint32Array.from({ length: bits === 8 ? (start - 54) / 4 : 0 }, (_, index) => colour(54 + 4 * index));
  if (data.getUint8(6)) palette[0] = 0; // between the tiles the page is seen
  const stride = 4 * Math.ceil((width * bits) / 32);
  for (let y = 0, to = 0; y < height; y += 1) {
    const row = start + (height - 1 - y) * stride; // the last row comes first
    for (let x = 0; x < width; x += 1, to += 1)
      pixels[to] = bits === 8 ? palette[bytes[row + x]] : colour(row + 3 * x);
  }
  return image;
}

// Returns a function that draws the newest picture of the model. Of the pictures that come while another one is being
// decoded, only the newest is drawn. resized() is called before a picture of another size is drawn, drawn() after each.
function createDrawing({ model, canvas, resized, drawn }) {
  let decoding = false;
  let stale = false; // another picture came while one was being decoded
  let overtaken = false; // a later picture was drawn at once while one was being decoded
  function put({ width, height }, paint) {
    if (canvas.width !== width || canvas.height !== height) resized();
    canvas.width = width;
    canvas.height = height;
    paint(canvas.getContext("2d"));
    canvas.dataset.frames = Number(canvas.dataset.frames ?? 0) + 1;
    drawn();
  }
  async function decode(data) {
    decoding = true;
    overtaken = false;
    try {
      const bitmap = await createImageBitmap(new Blob([data]));
      if (!overtaken) put(bitmap, (context) => context.drawImage(bitmap, 0, 0));
      bitmap.close();
    } finally {
      decoding = false;
    }
  }
  async function draw() {
    const data = model.get("data");
    if (!data?.byteLength) return;
    const image = decodeBmp(data);
    if (image) {
      overtaken = decoding;
      stale = false;
      put(image, (context) => context.putImageData(image, 0, 0));
    } else if (decoding) stale = true;
    else {
      await decode(data);
      if (!stale) return;
      stale = false;
      draw();
    }
  }
  return draw;
}
