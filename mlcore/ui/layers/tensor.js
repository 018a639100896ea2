const views = new WeakMap()

export default inOrder(function ({data, parentElement: root, setStateValue}) {
  let view = views.get(root)
  if (!view) views.set(root, view = new TensorGrid(root))
  view.update(data, (name, value) => setStateValue(name, value))
})

// Rows are samples, columns are channels, each an H × W plane. The cells that share a statistic with
// the hovered or chosen one are bright, in input and output alike.
class TensorGrid {
  constructor(root) {
    this.root = root
    this.canvases = ['x', 'y'].map(p => root.querySelector(`canvas[data-part=${p}]`))
    this.say = root.querySelector('.say')
    this.hovered = null
    for (const canvas of this.canvases) {
      canvas.onpointermove = e => this.point(this.cellAt(e, canvas))
      canvas.onpointerleave = () => this.point(null)
      canvas.onclick = e => this.choose(this.cellAt(e, canvas))
      canvas.onkeydown = e => this.key(e)
    }
    new ResizeObserver(() => this.data && this.draw()).observe(root.querySelector('.cells'))
  }

  update(data, send) {
    this.data = data
    this.send = send
    this.chosen = data.chosen
    this.hovered = null
    this.draw()
  }

  // --- where things are ---------------------------------------------------------------------

  layout() {
    const [n, c, h, w] = this.data.shape
    const room = this.root.querySelector('.cells').clientWidth
    const gap = room > 480 ? 6 : 3, left = 14, top = 16
    const fit = side => (side - left - (c - 1) * gap) / (c * w)
    const half = fit(Math.floor((room - 28) / 2))
    const across = room > 480 || half >= 5 ? half : fit(room)
    const cell = Math.max(3, Math.min(26, across, (340 - top - (n - 1) * gap) / (n * h)))
    return {
      n, c, h, w, gap, left, top, cell,
      width: left + c * w * cell + (c - 1) * gap, height: top + n * h * cell + (n - 1) * gap,
    }
  }

  place(i, at) {
    const {c, h, w, gap, left, top, cell} = at
    const column = i % w, row = Math.floor(i / w) % h
    const channel = Math.floor(i / (w * h)) % c, sample = Math.floor(i / (w * h * c))
    return {
      sample, channel, row, column,
      px: left + channel * (w * cell + gap) + column * cell,
      py: top + sample * (h * cell + gap) + row * cell,
    }
  }

  cellAt(e, canvas) {
    const box = canvas.getBoundingClientRect(), {n, c, h, w, gap, left, top, cell} = this.at
    const u = e.clientX - box.left - left, v = e.clientY - box.top - top
    const wide = w * cell + gap, high = h * cell + gap
    const channel = Math.floor(u / wide), sample = Math.floor(v / high)
    const column = Math.floor((u - channel * wide) / cell), row = Math.floor((v - sample * high) / cell)
    const inside = u >= 0 && v >= 0 && channel < c && sample < n && column < w && row < h
    return inside ? ((sample * c + channel) * h + row) * w + column : null
  }

  // --- pointing -----------------------------------------------------------------------------

  point(cell) {
    if (cell === this.hovered) return
    this.hovered = cell
    this.draw()
  }

  choose(cell) {
    if (cell === null) return
    this.chosen = cell
    this.draw()
    this.send('cell', cell)
  }

  key(e) {
    const {c, h, w} = this.at, now = this.hovered ?? this.chosen
    const step = {ArrowLeft: -1, ArrowRight: 1, ArrowUp: -w, ArrowDown: w,
      PageUp: -c * h * w, PageDown: c * h * w}[e.key]
    if (step !== undefined) {
      e.preventDefault()
      this.point(Math.max(0, Math.min(this.data.x.length - 1, now + step)))
    } else if (e.key === 'Enter' || e.key === ' ') {
      e.preventDefault()
      this.choose(now)
    }
  }

  // --- drawing ------------------------------------------------------------------------------

  draw() {
    const d = this.data, look = theme(this.root.querySelector('.cells')), at = this.at = this.layout()
    const cell = Math.min(this.hovered ?? this.chosen, d.x.length - 1), lit = d.cells[cell]
    const reach = {x: largest(d.x) || 1, y: largest(d.y) || 1}
    for (const canvas of this.canvases) {
      const part = canvas.dataset.part, c = sized(canvas, at.width, at.height)
      c.fillStyle = look.text
      c.font = `11px ${look.font}`
      c.textAlign = 'center'
      c.textBaseline = 'top'
      for (let k = 0; k < at.c; k++) {
        const name = at.w * at.cell > 60 ? `channel ${k}` : `${k}`
        c.fillText(name, at.left + k * (at.w * at.cell + at.gap) + at.w * at.cell / 2, 0)
      }
      c.textAlign = 'left'
      c.textBaseline = 'middle'
      for (let s = 0; s < at.n; s++) {
        c.fillText(`${s}`, 0, at.top + s * (at.h * at.cell + at.gap) + at.h * at.cell / 2)
      }
      d[part].forEach((v, i) => {
        const {px, py} = this.place(i, at)
        c.globalAlpha = d.cells[i] === lit ? 1 : 0.22
        c.fillStyle = ramp(d.colours.diverging, v === null ? null : v / reach[part])
        c.fillRect(px, py, at.cell - 1, at.cell - 1)
      })
      c.globalAlpha = 1
      const {px, py} = this.place(cell, at)
      c.strokeStyle = look.text
      c.lineWidth = 2
      c.strokeRect(px, py, at.cell - 1, at.cell - 1)
      canvas.setAttribute('aria-label', `${part === 'x' ? 'Input' : 'Output'} as a grid of `
        + `${counted(at.n, 'sample')} by ${counted(at.c, 'channel')} of ${at.h} by ${at.w} cells. `
        + 'Arrow keys move, Page Up and Page Down change the sample, Enter shows the arithmetic.')
    }
    this.legend(reach)
    this.tell(cell, lit)
  }

  legend(reach) {
    const bar = `linear-gradient(90deg, ${this.data.colours.diverging.join()})`
    this.root.querySelectorAll('.scale span').forEach((span, i) => {
      const most = show(reach['xy'[i]], 3)
      span.innerHTML = `${'xy'[i]}: −${most}<i style="background:${bar}"></i>${most}`
    })
  }

  tell(cell, lit) {
    const d = this.data, {sample, channel, row, column} = this.place(cell, this.at)
    const shared = d.cells.reduce((sum, number) => sum + (number === lit), 0)
    const mean = d.mean ? `the mean μ = ${show(d.mean[lit])} and the variance σ² = ` : 'the mean square '
    const divisor = `${d.mean ? '√(σ² + ε)' : '√(mean square + ε)'} = ${show(d.divisor[lit])}`
    this.say.textContent =
      `x[${sample}, ${channel}, ${row}, ${column}] = ${show(d.x[cell])} → y = ${show(d.y[cell])}\n`
      + `${counted(shared, 'cell')} share${shared === 1 ? 's' : ''} `
      + `${mean}${show(d.square[lit])}${d.origin}, divided by ${divisor}\n`
      + (this.hovered === null || this.hovered === this.chosen
        ? '' : 'Click or press Enter to see its arithmetic below.')
    this.root.querySelector('.cells').dataset.lit = String(shared)
    this.root.querySelector('.cells').dataset.cell = String(cell)
  }
}
