// Pictures of a matrix at several moments, with a slider between them: all data is in the browser.
const views = new WeakMap()
const GAP = 2, TALLEST = 470, SMALLEST = 22, FLATTEST = 20   // pixels
const NAMED = 16, HEAD = 16   // up to so many tiles carry their names, so high
const STEP_MS = 420

export default inOrder(function ({data, parentElement: root}) {
  let view = views.get(root)
  if (!view) views.set(root, view = new Tiles(root))
  view.update(data)
})

class Tiles {
  constructor(root) {
    const find = name => root.querySelector(name)
    this.root = root
    this.box = find('.inside-tiles')
    this.canvas = find('canvas')
    this.slider = find('input')
    this.play = find('.play')
    this.say = find('.say')
    this.sheet = document.createElement('canvas')
    this.chosen = null       // the moment a person chose; null follows the newest one
    this.slider.oninput = () => {
      this.stop()
      const last = this.data.moments.length - 1, at = Number(this.slider.value)
      this.chosen = at === last ? null : at
      this.draw()
    }
    this.play.onclick = () => (this.timer ? this.stop() : this.start())
    this.canvas.onpointermove = e => this.point(e)
    this.canvas.onpointerleave = () => this.go(null)
    this.canvas.onkeydown = e => this.key(e)
    this.canvas.onblur = () => this.go(null)
    new ResizeObserver(() => this.data && this.draw()).observe(this.box)
  }

  update(data) {
    const same = this.data && this.data.name === data.name
    this.data = data
    if (!same) this.chosen = this.last = this.marked = null
    this.frames = data.frames.map(unpack)
    const last = data.moments.length - 1
    if (this.chosen !== null && this.chosen > last) this.chosen = null
    this.slider.max = last
    this.box.classList.toggle('lone', last === 0)
    this.slider.setAttribute('aria-label', data.axis)
    const bar = this.root.querySelector('.scale i')
    bar.style.background = `linear-gradient(90deg, ${data.stops.join()})`
    this.root.querySelector('.title').textContent = data.title
    this.root.querySelector('.low').textContent = show(-data.scale)
    this.root.querySelector('.high').textContent = `${show(data.scale)} ${data.unit}`
    this.palette = lookup(data.stops)
    this.stop()
    this.draw()
  }

  get at() { return this.chosen ?? this.data.moments.length - 1 }

  start() {
    this.chosen = 0
    this.draw()
    this.timer = setInterval(() => {
      if (this.at + 1 >= this.data.moments.length - 1) { this.chosen = null; this.stop() }
      else this.chosen = this.at + 1
      this.draw()
    }, STEP_MS)
    this.play.textContent = 'Stop'
  }

  stop() {
    clearInterval(this.timer)
    this.timer = null
    this.play.textContent = 'Play'
  }

  layout() {
    const {count, height, width, group} = this.data, room = this.box.clientWidth
    const head = count > 1 && count <= NAMED ? HEAD : 0
    const size = columns => (room - (columns - 1) * GAP) / columns
    let columns = 1
    while (columns < count && Math.ceil(count / columns) *
      (size(columns) * height / width + head + GAP) > TALLEST && size(columns + 1) > SMALLEST) {
      columns++
    }
    // a row holds whole groups, if a little smaller tiles allow it, else equally many tiles
    const whole = n => n < count && count % n === 0 && (n % group === 0 || group % n === 0)
    const more = group > 1 ? 8 : 4
    columns = [...Array(more + 1).keys()].map(k => columns + k).find(whole) ?? columns
    const cell = Math.min(size(columns) / width, 26, Math.max(1, TALLEST / height))
    const wide = cell * width, tall = Math.max(cell * height, FLATTEST)
    return {columns, rows: Math.ceil(count / columns), cell, wide, tall, head,
      across: wide + GAP, down: tall + head + GAP}
  }

  draw() {
    if (!this.box.clientWidth) return
    const {count, height, width, moments} = this.data, at = this.layout()
    this.placed = at
    this.slider.value = this.at
    this.slider.setAttribute('aria-valuetext', moments[this.at])
    this.root.querySelector('.when').textContent = moments[this.at]
    this.box.dataset.moment = moments[this.at]
    this.canvas.setAttribute('aria-label', `${this.data.title}, ${moments[this.at]}. `
      + `Arrow keys move from cell to cell${count > 1 ? ', Page Up and Page Down change the tile' : ''}.`)
    const c = sized(this.canvas, at.columns * at.across - GAP, at.rows * at.down - GAP)
    const sheet = this.paint(this.frames[this.at], count, height, width)
    c.imageSmoothingEnabled = false
    const look = getComputedStyle(this.box)
    c.font = `11px ${look.fontFamily}`
    c.fillStyle = look.color
    for (let i = 0; i < count; i++) {
      const x = i % at.columns * at.across, y = Math.floor(i / at.columns) * at.down
      if (at.head) c.fillText(this.data.labels[i], x + 1, y + at.head - 4, at.wide)
      c.drawImage(sheet, 0, i * height, width, height, x, y + at.head, at.wide, at.tall)
    }
    this.frame(c, look)
    this.tell(this.last ?? null)
  }

  // The cell that keys have come to.
  frame(c, look) {
    if (!this.marked || this.marked.tile >= this.data.count) { this.marked = null; return }
    const {tile, row, column} = this.marked, at = this.placed, {height, width} = this.data
    const wide = at.wide / width, tall = at.tall / height
    const x = tile % at.columns * at.across + column * wide
    const y = Math.floor(tile / at.columns) * at.down + at.head + row * tall
    for (const [colour, line] of [['--st-background-color', 4], ['--st-text-color', 2]]) {
      c.strokeStyle = look.getPropertyValue(colour)
      c.lineWidth = line
      c.strokeRect(x, y, wide, tall)
    }
  }

  key(e) {
    const {count, height, width} = this.data, now = this.marked ?? {tile: 0, row: 0, column: -1}
    const way = {ArrowLeft: [0, 0, -1], ArrowRight: [0, 0, 1], ArrowUp: [0, -1, 0],
      ArrowDown: [0, 1, 0], PageUp: [-1, 0, 0], PageDown: [1, 0, 0]}[e.key]
    if (!way || e.ctrlKey || e.metaKey || e.altKey) return
    e.preventDefault()
    const within = (v, most) => Math.max(0, Math.min(most - 1, v))
    this.go({tile: within(now.tile + way[0], count), row: within(now.row + way[1], height),
      column: within(now.column + way[2], width)})
  }

  go(cell) {
    this.marked = this.last = cell
    this.draw()
  }

  // All tiles below each other, one device pixel a number.
  paint(values, count, height, width) {
    this.sheet.width = width
    this.sheet.height = count * height
    const c = this.sheet.getContext('2d'), image = c.createImageData(width, count * height)
    const pixels = new Uint32Array(image.data.buffer), {clip} = this.data
    for (let i = 0; i < pixels.length; i++) {
      const v = Math.max(-1, Math.min(1, values[i] / clip))
      pixels[i] = this.palette[Math.round((v + 1) * 255)]
    }
    c.putImageData(image, 0, 0)
    return this.sheet
  }

  point(e) {
    const box = this.canvas.getBoundingClientRect(), at = this.placed
    const {count, height, width} = this.data
    const x = e.clientX - box.left, y = e.clientY - box.top
    const i = Math.floor(x / at.across), j = Math.floor(y / at.down)
    const column = Math.floor((x - i * at.across) / at.wide * width)
    const row = Math.floor((y - j * at.down - at.head) / at.tall * height)
    const tile = j * at.columns + i
    const inside = i >= 0 && i < at.columns && tile >= 0 && tile < count
      && column >= 0 && column < width && row >= 0 && row < height
    this.tell(inside ? {tile, row, column} : null)
  }

  tell(cell) {
    this.last = cell
    if (!cell) { this.say.textContent = this.data.hint; return }
    const {height, width, labels, step} = this.data
    const value = this.frames[this.at][(cell.tile * height + cell.row) * width + cell.column] * step
    const where = this.data.cells
      .replace('{row}', cell.row).replace('{column}', cell.column)
    this.say.textContent = `${labels[cell.tile]}, ${where}: ${show(value)}`
  }
}

// 16-bit integers, little-endian, in base64.
function unpack(text) {
  const bytes = Uint8Array.from(atob(text), c => c.charCodeAt(0))
  return new Int16Array(bytes.buffer)
}

const channels = hex => [1, 3, 5].map(i => parseInt(hex.slice(i, i + 2), 16))

// 511 colours from the first stop to the last, as the 32-bit pixels of a canvas.
function lookup(stops) {
  return Uint32Array.from({length: 511}, (_, k) => {
    const at = k / 510 * (stops.length - 1), i = Math.min(stops.length - 2, Math.floor(at))
    const a = channels(stops[i]), b = channels(stops[i + 1])
    const [r, g, l] = a.map((c, n) => Math.round(c + (b[n] - c) * (at - i)))
    return (255 << 24 | l << 16 | g << 8 | r) >>> 0
  })
}

function show(v) {
  if (v === 0) return '0'
  const size = Math.abs(v)
  const text = size < 1e-3 || size >= 1e5 ? v.toExponential(2) : String(Number(v.toPrecision(3)))
  return text.replaceAll('-', '−')
}

function sized(canvas, width, height) {
  const ratio = window.devicePixelRatio || 1
  canvas.width = Math.round(width * ratio)
  canvas.height = Math.round(height * ratio)
  canvas.style.width = `${width}px`
  canvas.style.height = `${height}px`
  const c = canvas.getContext('2d')
  c.setTransform(ratio, 0, 0, ratio, 0, 0)
  return c
}
