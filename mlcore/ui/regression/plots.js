// A small plotting kit on canvas: panels with axes, ticks, clipping and a tooltip.

const css = (root, name, fallback) =>
  getComputedStyle(root).getPropertyValue(name).trim() || fallback

function theme(root) {
  return {
    text: css(root, '--st-text-color', '#0a111c'),
    back: css(root, '--st-background-color', '#ffffff'),
    line: css(root, '--st-border-color', '#d6dce4'),
    font: css(root, '--st-font', 'sans-serif'),
  }
}

function rgb(colour) {
  const c = document.createElement('canvas').getContext('2d', {willReadFrequently: true})
  c.fillStyle = colour
  c.fillRect(0, 0, 1, 1)
  return [...c.getImageData(0, 0, 1, 1).data].slice(0, 3)
}

// Numbers as a reader likes them: 4 digits, a true minus, powers of ten where zeros would blur.
function show(v, digits = 4) {
  if (v === null || v === undefined || Number.isNaN(v)) return 'overflowed'
  if (!Number.isFinite(v)) return v > 0 ? '∞' : '−∞'
  const size = Math.abs(v)
  let text
  if (size !== 0 && (size < 1e-3 || size >= 1e5)) {
    const [m, e] = v.toExponential(Math.max(0, digits - 2)).split('e')
    text = `${m.includes('.') ? m.replace(/\.?0+$/, '') : m}e${Number(e)}`
  } else {
    text = String(Number(v.toPrecision(digits)))
  }
  return text.replaceAll('-', '−')
}

// Ticks of one axis are written alike: all as powers of ten, or none.
function showTicks(ticks) {
  const sizes = ticks.filter(v => v !== 0).map(Math.abs)
  const wide = sizes.length && (Math.min(...sizes) < 1e-3 || Math.max(...sizes) >= 1e6)
  if (wide) {
    return ticks.map(v => (v === 0 ? '0' : v.toExponential().replace('e+', 'e').replaceAll('-', '−')))
  }
  return ticks.map(v => String(Number(v.toPrecision(6))).replaceAll('-', '−'))
}

function linearTicks(low, high, wanted) {
  const raw = (high - low) / Math.max(1, wanted)
  const power = 10 ** Math.floor(Math.log10(raw))
  const step = [1, 2, 5, 10].map(m => m * power).find(s => s >= raw)
  const ticks = []
  for (let i = Math.ceil(low / step - 1e-9); i * step <= high + 1e-9 * step; i++) {
    ticks.push(Number((i * step).toPrecision(12)))
  }
  return ticks
}

function logTicks(low, high, wanted) {
  const first = Math.floor(Math.log10(low)), last = Math.ceil(Math.log10(high))
  const decades = Math.log10(high / low)
  const factors = decades <= 2 ? [1, 2, 5] : [1]
  const every = Math.max(1, Math.ceil(decades / wanted))
  const ticks = []
  for (let e = first; e <= last; e++) {
    if ((e - first) % every) continue
    for (const f of factors) {
      const v = f * 10 ** e
      if (v >= low * 0.999 && v <= high * 1.001) ticks.push(v)
    }
  }
  return ticks
}

// Scales: name → [forward, ticks]. 'steps' is linear up to 1 and logarithmic beyond.
const FORWARD = {
  linear: v => v,
  log: v => Math.log10(Math.max(v, 1e-300)),
  steps: v => Math.log10(1 + v),
}
const BACK = {linear: v => v, log: v => 10 ** v, steps: v => 10 ** v - 1}

class Panel {
  constructor(figure) {
    this.figure = figure
    this.canvas = figure.querySelector('canvas')
    this.tip = figure.querySelector('.tip')
    this.caption = figure.querySelector('.caption')
    this.ctx = this.canvas.getContext('2d')
    this.keys = null // where a person points by keys, in data units
    if (this.canvas.tabIndex >= 0) this.listenToKeys()
  }

  // Arrow keys move a crosshair (Shift: five times as far), Enter or Space act where it stands.
  // The owner sets act(u, v), say what a pointer there would say, and redraw().
  listenToKeys() {
    this.canvas.onfocus = () => this.canvas.matches(':focus-visible') && this.spec && this.point(0, 0)
    this.canvas.onblur = () => { this.keys = null; this.say(0, 0, null); this.redraw?.() }
    this.canvas.onkeydown = e => {
      const [dx, dy] = {ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1]}[e.key] ?? []
      if (dx !== undefined) {
        this.point(dx * (e.shiftKey ? 50 : 10), dy * (e.shiftKey ? 50 : 10))
      } else if ((e.key === 'Enter' || e.key === ' ') && this.keys) {
        this.act?.(...this.pixel())
      } else if (e.key === 'Escape') {
        this.canvas.blur()
        return
      } else return
      e.preventDefault()
    }
  }

  point(dx, dy) {
    if (!this.spec) return
    const [px, py] = this.keys ? this.pixel()
      : [(this.left + this.right) / 2, (this.top + this.bottom) / 2]
    const x = Math.max(this.left, Math.min(this.right, px + dx))
    const y = Math.max(this.top, Math.min(this.bottom, py + dy))
    this.keys = this.at(x, y)
    this.redraw?.()
    const lines = this.lines?.(x, y)
    this.say(x, y, lines ?? null)
    if (lines && this.live) this.live.textContent = lines.join(', ').replaceAll('click', 'Enter')
  }

  pixel() { return [this.x(this.keys[0]), this.y(this.keys[1])] }

  crosshair() {
    if (!this.keys) return
    const [px, py] = this.pixel(), c = this.ctx
    c.strokeStyle = this.look.text
    c.lineWidth = 1
    c.beginPath()
    c.moveTo(px - 12, py); c.lineTo(px - 3, py); c.moveTo(px + 3, py); c.lineTo(px + 12, py)
    c.moveTo(px, py - 12); c.lineTo(px, py - 3); c.moveTo(px, py + 3); c.lineTo(px, py + 12)
    c.stroke()
  }

  // spec: {x: {domain, scale, label}, y: …}. Returns false while there is no room.
  layout(spec, look) {
    const box = this.canvas.getBoundingClientRect()
    const ratio = window.devicePixelRatio || 1
    if (box.width < 40 || box.height < 40) return false
    const w = Math.round(box.width * ratio), h = Math.round(box.height * ratio)
    if (this.canvas.width !== w) this.canvas.width = w
    if (this.canvas.height !== h) this.canvas.height = h
    this.spec = spec
    this.look = look
    this.left = 52
    this.top = 6
    this.right = box.width - 10
    this.bottom = box.height - 34
    this.ctx.setTransform(ratio, 0, 0, ratio, 0, 0)
    this.ctx.clearRect(0, 0, box.width, box.height)
    for (const axis of ['x', 'y']) {
      const {domain, scale} = spec[axis]
      this[axis + 'f'] = FORWARD[scale]
      this[axis + 'a'] = FORWARD[scale](domain[0])
      this[axis + 'b'] = FORWARD[scale](domain[1])
    }
    return true
  }

  x(v) {
    return this.left + (this.xf(v) - this.xa) / (this.xb - this.xa) * (this.right - this.left)
  }

  y(v) {
    return this.bottom - (this.yf(v) - this.ya) / (this.yb - this.ya) * (this.bottom - this.top)
  }

  // Pixel → data.
  at(px, py) {
    const u = (px - this.left) / (this.right - this.left)
    const v = (this.bottom - py) / (this.bottom - this.top)
    return [
      BACK[this.spec.x.scale](this.xa + u * (this.xb - this.xa)),
      BACK[this.spec.y.scale](this.ya + v * (this.yb - this.ya)),
    ]
  }

  inside(px, py) {
    return px >= this.left && px <= this.right && py >= this.top && py <= this.bottom
  }

  event(e) {
    const box = this.canvas.getBoundingClientRect()
    return [e.clientX - box.left, e.clientY - box.top]
  }

  axes() {
    const c = this.ctx, {text, line, font} = this.look
    c.font = `11px ${font}`
    c.lineWidth = 1
    c.strokeStyle = line
    c.fillStyle = text
    const {x, y} = this.spec
    const width = this.right - this.left, height = this.bottom - this.top
    const xs = x.scale === 'steps'
      ? [0, ...logTicks(1, x.domain[1], 6)].filter(v => v <= x.domain[1])
      : (x.scale === 'log' ? logTicks : linearTicks)(...x.domain, width / 70)
    const ys = (y.scale === 'log' ? logTicks : linearTicks)(...y.domain, height / 40)
    c.textAlign = 'center'
    c.textBaseline = 'top'
    let end = -1e9
    const xWords = showTicks(xs), yWords = showTicks(ys)
    for (const [i, v] of xs.entries()) {
      const px = this.x(v)
      c.beginPath(); c.moveTo(px, this.bottom); c.lineTo(px, this.bottom + 4); c.stroke()
      const label = xWords[i], half = c.measureText(label).width / 2
      if (px - half > end + 4) { c.fillText(label, px, this.bottom + 6); end = px + half }
    }
    c.textAlign = 'right'
    c.textBaseline = 'middle'
    let last = 1e9
    for (const [i, v] of ys.entries()) {
      const py = this.y(v)
      if (py < this.top - 1 || py > this.bottom + 1) continue
      c.beginPath(); c.moveTo(this.left - 4, py); c.lineTo(this.left, py); c.stroke()
      if (Math.abs(py - last) > 12) { c.fillText(yWords[i], this.left - 6, py); last = py }
    }
    c.strokeRect(this.left + 0.5, this.top + 0.5, width - 1, height - 1)
    c.textAlign = 'center'
    c.textBaseline = 'bottom'
    c.fillText(x.label, (this.left + this.right) / 2, this.bottom + 34)
    c.save()
    c.translate(10, (this.top + this.bottom) / 2)
    c.rotate(-Math.PI / 2)
    c.textBaseline = 'middle'
    c.fillText(y.label, 0, 0)
    c.restore()
    this.crosshair()
  }

  clip(draw) {
    const c = this.ctx
    c.save()
    c.beginPath()
    c.rect(this.left, this.top, this.right - this.left, this.bottom - this.top)
    c.clip()
    draw(c)
    c.restore()
  }

  // points: pairs in data units; a pair with null ends the line there.
  line(points, {colour, width = 2, dash = [], alpha = 1}) {
    const c = this.ctx
    c.strokeStyle = colour
    c.lineWidth = width
    c.globalAlpha = alpha
    c.setLineDash(dash)
    c.lineJoin = 'round'
    c.beginPath()
    let pen = false
    for (const [u, v] of points) {
      if (u === null || v === null) { pen = false; continue }
      const px = clamp(this.x(u)), py = clamp(this.y(v))
      if (pen) c.lineTo(px, py); else c.moveTo(px, py)
      pen = true
    }
    c.stroke()
    c.setLineDash([])
    c.globalAlpha = 1
  }

  dot(u, v, {colour, size = 4, ring = null, alpha = 1}) {
    if (u === null || v === null) return
    const c = this.ctx
    c.globalAlpha = alpha
    c.fillStyle = colour
    c.beginPath()
    c.arc(clamp(this.x(u)), clamp(this.y(v)), size, 0, 7)
    c.fill()
    if (ring) { c.strokeStyle = ring; c.lineWidth = 1.5; c.stroke() }
    c.globalAlpha = 1
  }

  cross(u, v, {colour, size = 6}) {
    const c = this.ctx, px = this.x(u), py = this.y(v)
    c.strokeStyle = colour
    c.lineWidth = 2
    c.beginPath()
    c.moveTo(px - size, py - size); c.lineTo(px + size, py + size)
    c.moveTo(px - size, py + size); c.lineTo(px + size, py - size)
    c.stroke()
  }

  say(px, py, lines) {
    if (!lines) { this.tip.hidden = true; return }
    this.tip.textContent = lines.join('\n')
    this.tip.hidden = false
    const box = this.figure.getBoundingClientRect()
    const flip = px > box.width / 2
    this.tip.style.left = flip ? 'auto' : `${px + 12}px`
    this.tip.style.right = flip ? `${box.width - px + 12}px` : 'auto'
    this.tip.style.top = `${py + 12}px`
  }
}

const clamp = v => Math.max(-1e5, Math.min(1e5, v))

// Heights over a window as bands of one hue, low ground pale, with a thin line at each border.
// grid.values: size² numbers, row by row from the bottom; levels follow their logarithm over low.
function contours(panel, grid, hue, cache) {
  const w = Math.round(panel.right - panel.left), h = Math.round(panel.bottom - panel.top)
  const fine = 2 // drawn twice as fine and scaled down: the thin lines come out smooth
  const key = [w, h, hue, panel.look.back].join()
  if (cache.key !== key || cache.grid !== grid) {
    cache.key = key
    cache.grid = grid
    cache.image = paint(grid, fine * w, fine * h, rgb(hue), rgb(panel.look.back))
  }
  panel.ctx.drawImage(cache.image, panel.left, panel.top, w, h)
}

function paint(grid, w, h, hue, back) {
  const {values, size, low} = grid
  const high = Math.max(...values.filter(v => v !== null))
  const floor = Math.max((high - low) * 5e-4, 1e-300)
  const a = Math.log(floor), b = Math.log(high - low + floor), bands = 10
  const rows = [] // each row of the grid, stretched to w pixels
  for (let k = 0; k < size; k++) {
    rows.push(stretch(values.slice(k * size, (k + 1) * size).map(v => v ?? high), w))
  }
  const taps = cubic(size, h)
  const image = document.createElement('canvas')
  image.width = w
  image.height = h
  const c = image.getContext('2d'), pixels = c.createImageData(w, h)
  const band = new Int16Array(w * h)
  for (let j = 0; j < h; j++) {
    const tap = taps[h - 1 - j]
    for (let i = 0; i < w; i++) {
      let z = 0
      for (const [k, weight] of tap) z += weight * rows[k][i]
      const level = Math.log(Math.max(z - low, 0) + floor)
      band[j * w + i] = Math.floor((level - a) / (b - a + 1e-12) * bands)
    }
  }
  for (let j = 0; j < h; j++) {
    for (let i = 0; i < w; i++) {
      const n = j * w + i, edge = (i + 1 < w && band[n] !== band[n + 1]) || (j + 1 < h && band[n] !== band[n + w])
      const mix = Math.min(0.75, 0.05 + 0.4 * band[n] / bands + (edge ? 0.28 : 0))
      for (let p = 0; p < 3; p++) pixels.data[4 * n + p] = back[p] + (hue[p] - back[p]) * mix
      pixels.data[4 * n + 3] = 255
    }
  }
  c.putImageData(pixels, 0, 0)
  return image
}

// Catmull-Rom weights, exact for the parabolas a squared loss is made of: for each of n pixels
// the pairs [grid index, weight]; beyond an edge the grid goes on as the parabola it ends with.
function cubic(size, n) {
  return Array.from({length: n}, (_, i) => {
    const g = (i + 0.5) / n * (size - 1), k = Math.min(size - 2, Math.floor(g)), u = g - k
    const weights = [
      (-u + 2 * u * u - u ** 3) / 2, (2 - 5 * u * u + 3 * u ** 3) / 2,
      (u + 4 * u * u - 3 * u ** 3) / 2, (-u * u + u ** 3) / 2,
    ]
    const taps = new Map()
    const add = (at, weight) => taps.set(at, (taps.get(at) ?? 0) + weight)
    weights.forEach((weight, j) => {
      const at = k - 1 + j
      if (at < 0) { add(0, 3 * weight); add(1, -3 * weight); add(2, weight) }
      else if (at >= size) {
        add(size - 1, 3 * weight); add(size - 2, -3 * weight); add(size - 3, weight)
      } else add(at, weight)
    })
    return [...taps]
  })
}

function stretch(row, n) {
  return cubic(row.length, n).map(taps => taps.reduce((z, [k, weight]) => z + weight * row[k], 0))
}

// A step slider with play: calls draw(frame) at each move; never asks the server.
class Player {
  constructor(root, draw) {
    this.range = root.querySelector('input[type=range]')
    this.button = root.querySelector('button.play')
    this.draw = draw
    this.range.oninput = () => { this.stop(); draw(Number(this.range.value)) }
    this.button.onclick = () => (this.timer ? this.stop() : this.play())
  }

  get frame() { return Number(this.range.value) }

  set(frame, last) {
    this.range.max = String(last)
    this.range.value = String(Math.max(0, Math.min(last, frame)))
  }

  play() {
    const last = Number(this.range.max)
    const from = this.frame >= last ? 0 : this.frame
    const perSecond = Math.max(12, last / 8)
    let began = null
    this.button.textContent = '❚❚'
    this.button.setAttribute('aria-label', 'Pause')
    const tick = now => {
      began ??= now
      const frame = Math.min(last, from + Math.floor((now - began) / 1000 * perSecond))
      if (frame !== this.frame || frame === from) {
        this.range.value = String(frame)
        this.draw(frame)
      }
      if (frame >= last) this.stop()
      else this.timer = requestAnimationFrame(tick)
    }
    this.timer = requestAnimationFrame(tick)
  }

  stop() {
    cancelAnimationFrame(this.timer)
    this.timer = null
    this.button.textContent = '▶\uFE0E'
    this.button.setAttribute('aria-label', 'Play')
  }
}
