
const element = (id) => document.getElementById(id);
const facts = JSON.parse(element("facts").textContent);
const [height, width, channels] = facts.shape;

async function part(name) {
  const packed = Uint8Array.from(atob(element(name).textContent), (letter) => letter.charCodeAt(0));
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

const script = (content) => URL.createObjectURL(new Blob([content], { type: "text/javascript" }));

async function loaded() {
  const helper = script(await part("helper"));
  const core = new TextDecoder().decode(await part("core")).replace('"@litertjs/wasm-utils"', `"${helper}"`);
  const litert = await import(script(core));
  self.Module = { wasmBinary: await part("wasm") };  // without it the loader would fetch a file
  await litert.loadLiteRt(script(await part("loader")) + "#loader.js");
  const model = await litert.loadAndCompile(await part("model"), { accelerator: "wasm" });
  return { Tensor: litert.Tensor, model };
}

// Pillow's bilinear filter with antialiasing, along one axis: the weights of the inputs under a triangle, in 22 bits,
// and the ends of the box in float32, as its C code has them.
function weights(left, length, size, limit) {
  const from = Math.fround(left), to = Math.fround(left + length);
  const scale = Math.fround(to - from) / size, reach = Math.max(scale, 1);
  return Array.from({ length: size }, (_, place) => {
    const center = from + (place + 0.5) * scale;
    const first = Math.max(Math.trunc(center - reach + 0.5), 0), end = Math.min(Math.trunc(center + reach + 0.5), limit);
    const row = [];
    for (let x = first; x < end; x++) row.push(Math.max(1 - Math.abs((x - center + 0.5) / reach), 0));
    const share = 1 / row.reduce((a, b) => a + b, 0);
    return { first, row: row.map((weight) => Math.floor(weight * share * 2 ** 22 + 0.5)) };
  });
}

function along(pixels, count, step, stride, plan) {  // resizes `count` lines of RGB, and rounds to bytes
  const result = new Uint8ClampedArray(count * plan.length * 3);
  for (let line = 0; line < count; line++)
    plan.forEach(({ first, row }, place) => {
      for (let c = 0; c < 3; c++) {
        let sum = 2 ** 21;
        for (let k = 0; k < row.length; k++) sum += row[k] * pixels[line * stride + (first + k) * step + c];
        result[step === 3 ? (line * plan.length + place) * 3 + c : (place * count + line) * 3 + c] = sum >> 22;
      }
    });
  return result;
}

function resized(rgb, from) {
  const ratio = width / height;  // ImageOps.fit: the largest centred part of these proportions
  const wide = from.width / from.height >= ratio;
  const box = wide ? [ratio * from.height, from.height] : [from.width, from.width / ratio];
  const left = (from.width - box[0]) / 2, top = (from.height - box[1]) / 2;
  if (from.width === width && from.height === height) return rgb;
  const rows = along(rgb, from.height, 3, from.width * 3, weights(left, box[0], width, from.width));
  return along(rows, width, width * 3, 3, weights(top, box[1], height, from.height));
}

async function pixelsOf(file) {
  const image = await createImageBitmap(file, { colorSpaceConversion: "none" });
  const canvas = new OffscreenCanvas(image.width, image.height);
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.fillStyle = "white";  // transparent pixels are laid over white
  context.fillRect(0, 0, image.width, image.height);
  context.drawImage(image, 0, 0);
  const { data } = context.getImageData(0, 0, image.width, image.height);
  const rgb = new Uint8ClampedArray(image.width * image.height * 3);
  for (let i = 0, j = 0; i < data.length; i += 4) for (let c = 0; c < 3; c++) rgb[j++] = data[i + c];
  const small = resized(rgb, image);
  if (channels === 3) return small;
  return Uint8ClampedArray.from({ length: width * height }, (_, i) =>
    (small[3 * i] * 19595 + small[3 * i + 1] * 38470 + small[3 * i + 2] * 7471 + 32768) >> 16);  // luma, as Pillow
}

function show(pixels) {
  const canvas = element("seen"), context = canvas.getContext("2d");
  [canvas.width, canvas.height, canvas.hidden] = [width, height, false];
  const shown = context.createImageData(width, height);
  for (let i = 0; i < width * height; i++)
    for (let c = 0; c < 4; c++) shown.data[4 * i + c] = c === 3 ? 255 : pixels[channels * i + (channels === 3 ? c : 0)];
  context.putImageData(shown, 0, 0);
}

async function run(engine, pixels) {
  const [low, high] = facts.value_range;
  const kind = engine.model.getInputDetails()[0].dtype === "uint8" ? Uint8Array : Float32Array;
  const values = kind === Uint8Array ? pixels : Array.from(pixels, (value) => low + value * ((high - low) / 255));
  const input = new engine.Tensor(kind.from(values), [1, height, width, channels]);
  const [output] = await engine.model.run(input);
  const scores = Array.from(output.toTypedArray());
  input.delete();
  output.delete();
  return scores;
}

function shares(scores) {
  if (facts.output !== "logits") return scores;
  const top = Math.max(...scores), powers = scores.map((score) => Math.exp(score - top));
  const sum = powers.reduce((a, b) => a + b, 0);
  return powers.map((power) => power / sum);
}

function answer(scores) {
  const found = shares(scores).map((share, i) => ({ share, label: facts.labels[i] }));
  const rows = found.sort((a, b) => b.share - a.share).slice(0, 5).map(({ share, label }) => {
    const row = document.createElement("tr"), bar = document.createElement("i");
    bar.style.width = `${100 * share}%`;
    for (const content of [label, bar, `${(100 * share).toFixed(1)} %`]) {
      const cell = document.createElement("td");
      cell.append(content);
      row.append(cell);
    }
    return row;
  });
  element("answers").replaceChildren(...rows);
  element("answers").dataset.scores = JSON.stringify(scores);
}

function say(text, wrong = false) {
  element("state").textContent = text;
  element("state").className = wrong ? "wrong" : "";
}

const engine = loaded();
engine.then(() => say("Ready."), (error) => say(`The model cannot be loaded here: ${error.message ?? error}`, true));

async function take(file) {
  if (!file) return;
  element("answers").replaceChildren();
  delete element("answers").dataset.scores;
  say(`Reading ${file.name}…`);
  try {
    const pixels = await pixelsOf(file);
    show(pixels);
    const start = performance.now(), scores = await run(await engine, pixels);
    say(`${file.name}: ${(performance.now() - start).toFixed(1)} ms`);
    answer(scores);
  } catch (error) {
    say(`${file.name} cannot be used: ${error.message ?? error}`, true);
  }
}

element("file").addEventListener("change", (event) => take(event.target.files[0]));
for (const name of ["dragover", "dragleave", "drop"])
  element("drop").addEventListener(name, (event) => {
    event.preventDefault();
    element("drop").classList.toggle("over", name === "dragover");
    if (name === "drop") take(event.dataTransfer.files[0]);
  });
