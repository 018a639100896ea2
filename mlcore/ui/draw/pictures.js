// Small pictures of pixels on crisp canvases, and the arrays they come in.

const bytesOf = text => Uint8Array.from(atob(text), c => c.charCodeAt(0))
const floatsOf = text => new Float32Array(bytesOf(text).buffer)

// Grey levels (0 is background) in the theme's own ink; `size` is the side in CSS pixels.
function digit(canvas, bytes, side, size, look) {
  const c = sized(canvas, size, size), cell = size / side
  c.fillStyle = look.text
  for (let i = 0; i < bytes.length; i++) {
    if (!bytes[i]) continue
    const x = i % side, y = Math.floor(i / side)
    c.globalAlpha = bytes[i] / 255
    c.fillRect(x * cell, y * cell, cell, cell)
  }
  c.globalAlpha = 1
}

// Which pixel lies under a pointer: [row, column], or null outside.
function pixelAt(e, canvas, rows, columns) {
  const box = canvas.getBoundingClientRect()
  const row = Math.floor((e.clientY - box.top) / box.height * rows)
  const column = Math.floor((e.clientX - box.left) / box.width * columns)
  return row >= 0 && column >= 0 && row < rows && column < columns ? [row, column] : null
}
