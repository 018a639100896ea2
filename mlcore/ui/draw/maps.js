// Groups of tiles: numbers on a diverging scale around zero, or pictures in grey levels.

const GAP = 20 // between groups, as in the style sheet
const kept = new WeakMap()

export default inOrder(function ({data, parentElement: root}) {
  let view = kept.get(root)
  if (!view) kept.set(root, view = new Maps(root))
  view.update(data)
})

class Maps {
  constructor(root) {
    this.host = root.querySelector('.maps')
    this.groups = root.querySelector('.groups')
    this.say = root.querySelector('.say')
    this.stop = 0 // which tile Tab leads to; Page Up and Page Down go to the others
    new ResizeObserver(() => this.fit()).observe(this.host)
  }

  update(data) {
    this.data = data
    this.draw()
  }

  fit() {
    if (this.data && this.host.clientWidth !== this.drawnAt) this.draw()
  }

  draw() {
    this.drawnAt = this.host.clientWidth
    const look = theme(this.host), under = this.data.under ? bytesOf(this.data.under) : null
    const focused = this.groups.contains(this.groups.getRootNode().activeElement)
    this.tiles = []
    this.groups.replaceChildren(...this.data.groups.map(group => this.group(group, look, under)))
    this.say.textContent = this.data.hint
    this.goTo(Math.max(0, Math.min(this.stop, this.tiles.length - 1)), focused)
  }

  goTo(stop, focus = true) {
    if (!this.tiles.length) return
    this.stop = stop
    this.tiles.forEach((canvas, i) => { canvas.tabIndex = i === stop ? 0 : -1 })
    if (focus) this.tiles[stop].focus()
  }

  key(e, number, at, rows, columns, point) {
    const turn = {PageUp: -1, PageDown: 1}[e.key]
    if (turn) {
      e.preventDefault()
      this.goTo(Math.max(0, Math.min(this.tiles.length - 1, number + turn)))
      return
    }
    const cell = stepped(e, at, rows, columns)
    if (cell) point(cell)
  }

  group(group, look, under) {
    const host = element('section', 'group'), tiles = element('div', 'tiles')
    host.append(element('h4', '', group.title), tiles)
    for (const tile of group.tiles) tiles.append(this.tile(tile, group, look, under))
    if (group.tiles.length === 1) host.style.width = 'min-content'
    if (group.most !== null) host.append(this.scale(group))
    if (group.note) host.append(element('p', 'note', group.note))
    return host
  }

  tile(tile, group, look, under) {
    const figure = element('figure'), canvas = document.createElement('canvas')
    const {height, width} = tile, grey = group.most === null
    const values = grey ? bytesOf(tile.values) : floatsOf(tile.values)
    const room = Math.max(40, this.drawnAt - 2), across = room > 460 ? group.across : 1
    const cell = Math.min(group.cell, (room - (across - 1) * GAP) / across / width)
    const {more, less} = this.data.colours, ink = rgb(look.text), hues = [rgb(less), rgb(more)]
    const strength = i => Math.min(1, Math.abs(values[i]) / (group.most || 1))
    let marked = null // the cell that keys have come to
    const paint = () => {
      const c = sized(canvas, width * cell, height * cell)
      cells(c, values.length, width, width * cell, height * cell,
        i => grey ? ink : hues[Number(values[i] > 0)], i => grey ? values[i] / 255 : strength(i))
      if (group.overlay && under) this.outline(c, under, cell, look)
      c.globalAlpha = 1
      if (marked) frame(c, marked, cell, look)
    }
    paint()
    const number = this.tiles.push(canvas) - 1
    canvas.setAttribute('role', 'application')
    canvas.setAttribute('aria-label', `${group.title}${tile.label ? `, ${tile.label}` : ''}: ${
      height} by ${width} cells. Arrow keys move, Page Up and Page Down change the picture.`)
    const tell = at => {
      const value = values[at[0] * width + at[1]]
      const where = tile.flat ? `unit ${at[0] * width + at[1]}` : `row ${at[0]}, column ${at[1]}`
      const beyond = tile.flat && at[0] * width + at[1] >= tile.flat
      this.say.textContent = beyond ? '' : `${group.title}${tile.label ? `, ${
        tile.label.replace('\n', ', ')}` : ''} · ${where}: ${grey ? `${value} of 255` : show(value)}`
    }
    const mark = at => {
      marked = at
      paint()
      if (at) tell(at)
      else this.say.textContent = this.data.hint
    }
    canvas.onpointermove = e => {
      const at = pixelAt(e, canvas, height, width)
      if (at) tell(at)
    }
    canvas.onpointerleave = () => { this.say.textContent = this.data.hint }
    canvas.onkeydown = e => this.key(e, number, marked, height, width, mark)
    canvas.onfocus = () => this.goTo(number, false)
    canvas.onblur = () => mark(null)
    figure.append(canvas)
    if (tile.label) figure.append(element('figcaption', '', tile.label))
    return figure
  }

  // The border of the ink, so that one sees where on the digit a number lies.
  outline(c, under, cell, look) {
    const inked = (x, y) => x >= 0 && y >= 0 && x < 28 && y < 28 && under[28 * y + x] > 127
    c.strokeStyle = look.text
    c.globalAlpha = 0.55
    c.lineWidth = 1
    c.beginPath()
    for (let y = 0; y <= 28; y++) {
      for (let x = 0; x <= 28; x++) {
        if (inked(x, y) !== inked(x - 1, y)) {
          c.moveTo(x * cell, y * cell)
          c.lineTo(x * cell, (y + 1) * cell)
        }
        if (inked(x, y) !== inked(x, y - 1)) {
          c.moveTo(x * cell, y * cell)
          c.lineTo((x + 1) * cell, y * cell)
        }
      }
    }
    c.stroke()
  }

  scale(group) {
    const host = element('div', 'scale'), bar = document.createElement('i')
    const {less, more} = this.data.colours
    bar.style.background = `linear-gradient(90deg, ${less}, transparent, ${more})`
    host.append(show(-group.most, 2), bar, show(group.most, 2))
    return host
  }
}

function element(name, kind = '', text = '') {
  const made = document.createElement(name)
  if (kind) made.className = kind
  if (text) made.textContent = text
  return made
}
