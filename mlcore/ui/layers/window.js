const views = new WeakMap()

export default inOrder(function ({data, parentElement: root, setStateValue}) {
  let view = views.get(root)
  if (!view) views.set(root, view = new ConvolutionWindow(root))
  view.update(data, (name, value) => setStateValue(name, value))
})

// Padded input channels on the left, output channels beside them. The hovered output cell frames its
// window in the input and writes out products and sum; a pooled cell frames its cells of the output.
class ConvolutionWindow {
  constructor(root) {
    this.root = root
    this.box = root.querySelector('.cells')
    this.canvas = Object.fromEntries(['input', 'output', 'pooled'].map(
      part => [part, root.querySelector(`canvas[data-part=${part}]`)]))
    this.hovered = null
    this.overPool = null
    const {output, pooled} = this.canvas
    output.onpointermove = e => this.point(this.cellAt(e, 'output'))
    output.onpointerleave = () => this.point(null)
    output.onclick = e => this.choose(this.cellAt(e, 'output'))
    output.onkeydown = e => this.key(e)
    pooled.onpointermove = e => this.pointPooled(this.cellAt(e, 'pooled'))
    pooled.onpointerleave = () => this.pointPooled(null)
    pooled.onfocus = () => this.overPool ?? this.pointPooled([0, 0, 0])
    pooled.onblur = () => this.pointPooled(null)
    pooled.onkeydown = e => this.keyPooled(e)
    new ResizeObserver(() => this.data && this.draw()).observe(this.box)
  }

  update(data, send) {
    this.data = data
    this.send = send
    this.chosen = data.chosen
    this.hovered = null
    this.overPool = null
    this.draw()
  }

  // A part's planes as one column of images: how large each cell is and where each plane starts.
  layout(part) {
    const [c, h, w] = this.data[part].shape, gap = 8
    const room = this.box.clientWidth, parts = this.data.pooled ? 3 : 2
    const beside = Math.floor((room - 16 * (parts - 1)) / parts)
    const side = Math.min(300, beside)
    const across = c > 2 ? 2 : 1, down = Math.ceil(c / across)
    const unit = Math.max(1.5, Math.min(
      26, (side - (across - 1) * gap) / (across * w), (330 - (down - 1) * gap) / (down * h)))
    return {
      c, h, w, gap, across, unit,
      width: across * w * unit + (across - 1) * gap, height: down * h * unit + (down - 1) * gap,
      left: k => (k % across) * (w * unit + gap), top: k => Math.floor(k / across) * (h * unit + gap),
    }
  }

  cellAt(e, part) {
    const box = this.canvas[part].getBoundingClientRect(), at = this.at[part]
    const u = e.clientX - box.left, v = e.clientY - box.top
    for (let k = 0; k < at.c; k++) {
      const column = Math.floor((u - at.left(k)) / at.unit), row = Math.floor((v - at.top(k)) / at.unit)
      if (row >= 0 && column >= 0 && row < at.h && column < at.w) return [k, row, column]
    }
    return null
  }

  point(cell) {
    if (String(cell) === String(this.hovered)) return
    this.hovered = cell
    this.draw()
  }

  pointPooled(cell) {
    if (String(cell) === String(this.overPool)) return
    this.overPool = cell
    this.draw()
  }

  choose(cell) {
    if (!cell) return
    this.chosen = cell
    this.draw()
    this.send('cell', cell)
  }

  // The cell that a key moves to; Page Up and Page Down change the channel.
  moved(e, [k, i, j], at) {
    const move = {ArrowLeft: [0, 0, -1], ArrowRight: [0, 0, 1], ArrowUp: [0, -1, 0],
      ArrowDown: [0, 1, 0], PageUp: [-1, 0, 0], PageDown: [1, 0, 0]}[e.key]
    if (!move) return null
    e.preventDefault()
    const within = (v, top) => Math.max(0, Math.min(top - 1, v))
    return [within(k + move[0], at.c), within(i + move[1], at.h), within(j + move[2], at.w)]
  }

  keyPooled(e) {
    const to = this.moved(e, this.overPool ?? [0, 0, 0], this.at.pooled)
    if (to) this.pointPooled(to)
  }

  key(e) {
    const to = this.moved(e, this.hovered ?? this.chosen, this.at.output)
    if (to) this.point(to)
    else if (e.key === 'Enter' || e.key === ' ') {
      e.preventDefault()
      this.choose(this.hovered ?? this.chosen)
    }
  }

  // --- drawing ------------------------------------------------------------------------------

  draw() {
    const d = this.data, look = theme(this.root.querySelector('.cells'))
    this.canvas.pooled.parentElement.hidden = !d.pooled
    this.at = {}
    const parts = d.pooled ? ['input', 'output', 'pooled'] : ['input', 'output']
    const pens = {}
    for (const part of parts) {
      const at = this.at[part] = this.layout(part)
      pens[part] = sized(this.canvas[part], at.width, at.height)
      this.paint(pens[part], part, at, look)
    }
    const cell = this.hovered ?? this.chosen
    this.frame(pens.output, this.at.output, cell[0], cell[1], cell[2], 1, 1, look)
    const seen = this.window(cell)
    for (const channel of seen.channels) {
      const at = this.at.input
      this.frame(pens.input, at, channel, seen.rows[0], seen.columns[0],
        seen.rows.at(-1) - seen.rows[0] + 1, seen.columns.at(-1) - seen.columns[0] + 1, look)
      if (d.dilation > 1) this.taps(pens.input, at, channel, seen)
    }
    if (this.overPool && d.pooled) {
      const [k, i, j] = this.overPool, size = d.pooled.size
      this.frame(pens.pooled, this.at.pooled, k, i, j, 1, 1, look)
      this.frame(pens.output, this.at.output, k, i * size, j * size, size, size, look)
    }
    this.tell(cell, seen)
    if (this.overPool && d.pooled) this.tellPooled(this.overPool)
  }

  paint(c, part, at, look) {
    const {values} = this.data[part], reach = largest(values) || 1, signed = part !== 'input'
    values.forEach((v, i) => {
      const column = i % at.w, row = Math.floor(i / at.w) % at.h, k = Math.floor(i / (at.w * at.h))
      c.fillStyle = ramp(signed ? this.data.colours.diverging : this.data.colours.grey,
        signed ? v / reach : 2 * v / reach - 1)
      const grid = at.unit > 6 && signed ? 1 : 0
      c.fillRect(at.left(k) + column * at.unit, at.top(k) + row * at.unit,
        at.unit - grid + 0.3 * !grid, at.unit - grid + 0.3 * !grid)
    })
    const p = this.data.padding
    if (part === 'input' && p) {
      c.setLineDash([3, 3])
      c.strokeStyle = '#7d8590'
      for (let k = 0; k < at.c; k++) {
        c.strokeRect(at.left(k) + p * at.unit, at.top(k) + p * at.unit,
          (at.w - 2 * p) * at.unit, (at.h - 2 * p) * at.unit)
      }
      c.setLineDash([])
    }
    const many = at.c > 1 ? `${at.c} channels of ` : '', {size} = this.data.pooled ?? {}
    const [name, keys] = {
      input: ['Padded input', 'The framed window belongs to the marked cell of the output.'],
      output: ['Output', 'Arrow keys move, Page Up and Page Down change the channel, Enter shows the '
        + 'arithmetic.'],
      pooled: ['Pooled output', `Arrow keys move; the ${size} by ${size} cells of the output behind `
        + 'a cell are framed.'],
    }[part]
    this.canvas[part].setAttribute('aria-label', `${name}: ${many}${at.h} by ${at.w} cells. ${keys}`)
  }

  frame(c, at, k, row, column, high, wide, look) {
    const x = at.left(k) + column * at.unit, y = at.top(k) + row * at.unit
    c.lineWidth = 4
    c.strokeStyle = look.back
    c.strokeRect(x, y, wide * at.unit, high * at.unit)
    c.lineWidth = 2
    c.strokeStyle = this.data.colours.frame
    c.strokeRect(x, y, wide * at.unit, high * at.unit)
  }

  taps(c, at, channel, seen) {
    c.fillStyle = this.data.colours.frame
    for (const row of seen.rows) for (const column of seen.columns) {
      c.beginPath()
      c.arc(at.left(channel) + (column + 0.5) * at.unit, at.top(channel) + (row + 0.5) * at.unit,
        Math.max(1.5, at.unit / 5), 0, 7)
      c.fill()
    }
  }

  // --- arithmetic ---------------------------------------------------------------------------

  window([k, i, j]) {
    const d = this.data, [perGroup, kh, kw] = d.kernel.shape.slice(1)
    const first = Math.floor(k / (d.output.shape[0] / d.groups)) * perGroup
    const rows = Array.from({length: kh}, (_, r) => i * d.stride + r * d.dilation)
    const columns = Array.from({length: kw}, (_, r) => j * d.stride + r * d.dilation)
    const channels = Array.from({length: perGroup}, (_, r) => first + r)
    const [, h, w] = d.input.shape
    let total = 0
    const taps = channels.map((channel, c) => rows.map((row, r) => columns.map((column, q) => {
      const pixel = d.input.values[(channel * h + row) * w + column]
      const weight = d.kernel.values[((k * perGroup + c) * kh + r) * kw + q]
      total += pixel * weight
      return {pixel, weight, product: pixel * weight}
    })))
    return {rows, columns, channels, taps, total}
  }

  tellPooled([k, i, j]) {
    const d = this.data, {size, shape, values, kind} = d.pooled
    const value = values[(k * shape[1] + i) * shape[2] + j], last = n => n * size + size - 1
    this.root.querySelector('.say').textContent =
      `pooled[${shape[0] > 1 ? `channel ${k}, ` : ''}row ${i}, column ${j}] = ${show(value, 5)}\n`
      + `the ${kind} of the output's rows ${i * size}–${last(i)}, columns ${j * size}–${last(j)}`
  }

  tell([k, i, j], seen) {
    const d = this.data, [, h, w] = d.output.shape
    const given = d.output.values[(k * h + i) * w + j]
    const where = d.output.shape[0] > 1 ? `channel ${k}, ` : ''
    this.root.querySelector('.say').textContent =
      `output[${where}row ${i}, column ${j}]: rows ${seen.rows[0]}–${seen.rows.at(-1)}, columns `
      + `${seen.columns[0]}–${seen.columns.at(-1)} of the padded input`
      + (seen.channels.length > 1 ? `, channels ${seen.channels.join(', ')}` : '')
      + `\nΣ products = ${show(seen.total, 5)}; nn.Conv2d returned ${show(given, 5)}`
    const most = seen.channels.length * seen.rows.length > 10 ? 1 : seen.channels.length
    const parts = [], wide = seen.columns.length
    const write = wide <= 5 ? v => show(v, 3) : v => decimals(v, wide <= 8 ? 3 : 2)
    for (let c = 0; c < most; c++) {
      parts.push(table('window', seen.taps[c], 'pixel', write), sign('×'),
        table('kernel', seen.taps[c], 'weight', write), sign('='),
        table('products', seen.taps[c], 'product', write))
    }
    const left = seen.channels.length - most
    const tables = parts.join('')
      + (left ? `<div>and in the same way ${counted(left, 'more channel')}</div>` : '')
    window.mlcoreConvolutionTables = tables  // for window_tables.js
    window.dispatchEvent(new Event('mlcore.convolution.tables'))
    this.box.dataset.total = String(seen.total)
    this.box.dataset.cell = [k, i, j].join()
  }
}

const sign = text => `<div class="sign">${text}</div>`

function table(name, taps, field, write) {
  const rows = taps.map(row => `<tr>${row.map(t => `<td>${write(t[field])}</td>`).join('')}</tr>`)
  const size = taps[0].length > 8 ? 'small' : taps[0].length > 5 ? 'middle' : ''
  return `<div><span>${name}</span><table class="tap ${size}"><tbody>${rows.join('')}</tbody></table></div>`
}
