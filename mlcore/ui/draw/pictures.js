// Small pictures of pixels on crisp canvases, and the arrays they come in.

const bytesOf = text => Uint8Array.from(atob(text), c => c.charCodeAt(0))
const floatsOf = text => new Float32Array(bytesOf(text).buffer)

// Cells in rows of `across`, each of one colour and strength (0 to 1), scaled without blur or seams.
function cells(c, count, across, width, height, colourOf, strengthOf) {
  const small = new OffscreenCanvas(across, Math.ceil(count / across))
  const ink = small.getContext('2d'), image = ink.createImageData(small.width, small.height)
  for (let i = 0; i < count; i++) {
    image.data.set([...colourOf(i), Math.round(255 * strengthOf(i))], 4 * i)
  }
  ink.putImageData(image, 0, 0)
  c.imageSmoothingEnabled = false
  c.drawImage(small, 0, 0, width, height)
}

// Grey levels (0 is background) in the theme's own ink; `size` is the side in CSS pixels.
function digit(canvas, bytes, side, size, look) {
  const ink = rgb(look.text)
  cells(sized(canvas, size, size), bytes.length, side, size, size, () => ink, i => bytes[i] / 255)
}

// A theme's colour, #rrggbb or rgb(…), as three numbers.
const rgb = colour => colour.startsWith('#') ? channels(colour) : colour.match(/\d+/g).slice(0, 3).map(Number)

// Where an arrow key leads from a cell, [row, column], of so many; null for another key.
function stepped(e, at, rows, columns) {
  const way = {ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0]}[e.key]
  if (!way || e.ctrlKey || e.metaKey || e.altKey) return null
  e.preventDefault()
  const within = (v, count) => Math.max(0, Math.min(count - 1, v))
  return at ? [within(at[0] + way[0], rows), within(at[1] + way[1], columns)]
    : [Math.floor(rows / 2), Math.floor(columns / 2)]
}

// A frame around a cell, seen on every colour.
function frame(c, [row, column], cell, look) {
  for (const [colour, width] of [[look.back, 4], [look.text, 2]]) {
    c.strokeStyle = colour
    c.lineWidth = width
    c.strokeRect(column * cell, row * cell, cell, cell)
  }
}

// Which pixel lies under a pointer: [row, column], or null outside.
function pixelAt(e, canvas, rows, columns) {
  const box = canvas.getBoundingClientRect()
  const row = Math.floor((e.clientY - box.top) / box.height * rows)
  const column = Math.floor((e.clientX - box.left) / box.width * columns)
  return row >= 0 && column >= 0 && row < rows && column < columns ? [row, column] : null
}
