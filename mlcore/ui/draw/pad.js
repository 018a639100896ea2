// A sheet to draw a digit on. Strokes live here; Python gets a snapshot of the whole sheet, one at
// a time: the next one leaves when the last was answered, so a slow server gets fewer, never a queue.

const SIDE = 280 // of the sheet in its own unit: ten to a pixel of the network
const KEYS = 'keys' // in the place of a pointer's number
const PATIENCE_MS = 1500 // a snapshot whose answer is lost must not silence the sheet for good
const kept = new WeakMap() // the export runs again on each change of data or theme

export default inOrder(function ({data, parentElement: root, setStateValue}) {
  let sheet = kept.get(root)
  if (!sheet) kept.set(root, sheet = new Sheet(root, data))
  sheet.set = setStateValue
  sheet.update(data)
})

class Sheet {
  constructor(root, data) {
    this.host = root.querySelector('.pad')
    this.canvas = root.querySelector('canvas')
    this.hint = root.querySelector('.hint')
    this.pen = root.querySelector('input')
    this.tip = root.querySelector('.tip')
    this.said = root.querySelector('.said')
    this.spot = [SIDE / 2, SIDE / 2] // where keys have the pen
    this.copy = new OffscreenCanvas(SIDE, SIDE) // white ink on black, whatever the theme
    this.page = this.copy.getContext('2d', {willReadFrequently: true})
    this.past = [] // what the sheet held before each action, for undo
    this.held = {strokes: [], under: null}
    this.loaded = null // number of the last picture that Python put on the sheet
    this.count = this.sent = this.answered = data.seen // snapshots are numbered on and on
    this.sentAt = 0
    this.live = null // the stroke being drawn
    this.pen.value = data.pen
    this.listen(root)
    new ResizeObserver(() => this.repaint()).observe(this.canvas)
  }

  update(data) {
    this.data = data
    this.answered = Math.max(this.answered, data.seen)
    const fresh = data.load !== this.loaded, colour = getComputedStyle(this.host).color
    if (fresh) this.load(data)
    if (fresh || colour !== this.colour) this.repaint()
    this.colour = colour
    this.send()
  }

  load(data) {
    const first = this.loaded === null
    this.loaded = data.load
    this.live = null
    if (!first) this.past.push(this.held)
    this.held = {strokes: data.strokes, under: data.under}
  }

  // --- drawing ------------------------------------------------------------------------------

  listen(root) {
    const c = this.canvas
    c.onpointerdown = e => {
      if (e.button > 0) return
      c.setPointerCapture(e.pointerId)
      e.preventDefault()
      this.lift()
      this.tip.hidden = true
      c.focus({preventScroll: true})
      this.past.push(this.held)
      this.live = {pointer: e.pointerId, stroke: [Number(this.pen.value)]}
      this.held = {strokes: [...this.held.strokes, this.live.stroke], under: this.held.under}
      this.extend(e)
    }
    c.onpointermove = e => {
      if (this.live?.pointer !== e.pointerId) return
      const finer = e.getCoalescedEvents?.() ?? []
      for (const each of finer.length ? finer : [e]) this.extend(each)
    }
    c.onpointerup = c.onpointercancel = e => {
      if (this.live?.pointer !== e.pointerId) return
      this.live = null
      this.changed()
    }
    const keyed = on => this.host.classList.toggle('keyed', on)
    c.onkeydown = e => {
      keyed(true)
      this.key(e)
    }
    c.onfocus = () => keyed(c.matches(':focus-visible'))
    c.onblur = () => {
      this.lift()
      this.tip.hidden = true
      // what is pressed must not move before it is released: the words on keys stand above it
      const gone = new AbortController()
      const hide = () => setTimeout(() => {
        gone.abort()
        if (!c.matches(':focus')) keyed(false)
      })
      for (const kind of ['pointerup', 'pointercancel', 'keyup']) {
        window.addEventListener(kind, hide, {signal: gone.signal})
      }
    }
    const actions = {undo: () => this.undo(), clear: () => this.clear()}
    for (const button of root.querySelectorAll('button')) button.onclick = actions[button.dataset.do]
    this.host.onkeydown = e => {
      const undo = (e.ctrlKey || e.metaKey) && e.key === 'z'
      const clear = e.key === 'Delete' || e.key === 'Backspace'
      if (e.target === this.pen || !(undo || clear)) return
      e.preventDefault()
      actions[undo ? 'undo' : 'clear']()
    }
  }

  extend(e) {
    const box = this.canvas.getBoundingClientRect()
    const at = (v, start, size) => Math.round((v - start) / size * SIDE * 10) / 10
    const pressure = e.pointerType === 'pen' && e.pressure ? 0.4 + 1.2 * e.pressure : 1
    this.reach(at(e.clientX, box.left, box.width), at(e.clientY, box.top, box.height),
      Math.round(pressure * 100) / 100)
  }

  reach(x, y, pressure) {
    const stroke = this.live.stroke, before = stroke.length
    stroke.push(x, y, pressure)
    this.ink(this.screen(), stroke, before)
    this.ink(this.page, stroke, before, '#fff')
    this.changed()
  }

  // --- by keys: a pen that arrows move and Space puts down or lifts -------------------------

  key(e) {
    const way = {ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1]}[e.key]
    const turn = e.key === ' ' || e.key === 'Enter'
    if (!(way || turn) || e.ctrlKey || e.metaKey || e.altKey) return
    e.preventDefault()
    if (this.live && this.live.pointer !== KEYS) return // a hand is drawing
    if (turn && !e.repeat) {
      if (this.live) this.lift()
      else this.lower()
    }
    if (way) {
      const step = e.shiftKey ? 2 : 10
      this.spot = this.spot.map((v, i) => Math.max(0, Math.min(SIDE, v + step * way[i])))
      if (this.live) this.reach(...this.spot, 1)
    }
    this.tell()
  }

  lower() {
    this.past.push(this.held)
    this.live = {pointer: KEYS, stroke: [Number(this.pen.value)]}
    this.held = {strokes: [...this.held.strokes, this.live.stroke], under: this.held.under}
    this.reach(...this.spot, 1)
  }

  lift() {
    if (this.live?.pointer !== KEYS) return
    this.live = null
    this.changed()
  }

  tell() {
    const [x, y] = this.spot, size = `${Math.max(6, Number(this.pen.value)) / SIDE * 100}%`
    this.tip.hidden = false
    this.tip.classList.toggle('down', this.live !== null)
    Object.assign(this.tip.style,
      {left: `${x / SIDE * 100}%`, top: `${y / SIDE * 100}%`, width: size, height: size})
    const pixel = v => Math.min(27, Math.floor(v / SIDE * 28))
    this.said.textContent = `Pen ${this.live ? 'down' : 'up'} at row ${pixel(y)}, column ${pixel(x)}.`
  }

  undo() {
    if (!this.past.length) return
    this.held = this.past.pop()
    this.live = null
    this.repaint()
    this.changed()
  }

  clear() {
    if (!this.held.strokes.length && !this.held.under) return
    this.past.push(this.held)
    this.held = {strokes: [], under: null}
    this.live = null
    this.repaint()
    this.changed()
  }

  // --- painting -----------------------------------------------------------------------------

  screen() {
    const box = this.canvas.getBoundingClientRect(), ratio = window.devicePixelRatio || 1
    const side = Math.max(1, Math.round(box.width * ratio))
    if (this.canvas.width !== side) this.canvas.width = this.canvas.height = side
    const c = this.canvas.getContext('2d')
    c.setTransform(side / SIDE, 0, 0, side / SIDE, 0, 0)
    c.inkColour = getComputedStyle(this.host).color
    return c
  }

  repaint() {
    const c = this.screen()
    c.clearRect(0, 0, SIDE, SIDE)
    this.page.fillStyle = '#000'
    this.page.fillRect(0, 0, SIDE, SIDE)
    this.under(c, c.inkColour)
    this.under(this.page, '#fff')
    for (const stroke of this.held.strokes) {
      this.ink(c, stroke, 1)
      this.ink(this.page, stroke, 1, '#fff')
    }
    const blank = !this.held.strokes.length && !this.held.under
    this.hint.hidden = !blank
    for (const [name, off] of [['undo', !this.past.length], ['clear', blank]]) {
      this.host.querySelector(`[data-do=${name}]`).disabled = off
    }
  }

  // The part of a stroke from its number `from` on: [width, x, y, pressure, x, y, pressure, …].
  ink(c, stroke, from, colour = c.inkColour) {
    const [width] = stroke
    c.lineCap = c.lineJoin = 'round'
    c.strokeStyle = colour
    for (let i = from; i < stroke.length; i += 3) {
      const [x, y, p] = stroke.slice(i, i + 3), [u, v] = i > 1 ? stroke.slice(i - 3, i - 1) : [x, y]
      c.lineWidth = width * p
      c.beginPath()
      c.moveTo(u, v)
      c.lineTo(x, y)
      c.stroke()
    }
  }

  // A picture of 28 × 28 pixels under the strokes, each pixel a square.
  under(c, colour) {
    if (!this.held.under) return
    const bytes = atob(this.held.under), side = Math.sqrt(bytes.length), size = SIDE / side
    c.fillStyle = colour
    for (let i = 0; i < bytes.length; i++) {
      const value = bytes.charCodeAt(i)
      if (!value) continue
      c.globalAlpha = value / 255
      c.fillRect(i % side * size, Math.floor(i / side) * size, size, size)
    }
    c.globalAlpha = 1
  }

  // --- talking to Python --------------------------------------------------------------------

  changed() {
    this.count += 1
    this.host.dataset.count = this.count
    this.hint.hidden = true
    this.send()
    if (!this.live) this.repaint()
  }

  send() {
    const waits = this.answered < this.sent && performance.now() - this.sentAt < PATIENCE_MS
    clearTimeout(this.again)
    if (this.count === this.sent) return
    if (waits) {
      this.again = setTimeout(() => this.send(), PATIENCE_MS)
      return
    }
    this.sent = this.count
    this.sentAt = performance.now()
    this.host.dataset.sent = this.sent
    const {strokes, under} = this.held, blank = !strokes.length && !under
    this.set('drawing', {n: this.sent, load: this.loaded, strokes, under, pen: Number(this.pen.value),
      down: this.live !== null, ink: blank ? null : this.bytes()})
  }

  // The sheet as bytes, run after run: [value, how many more of it, …], in base64.
  bytes() {
    const {data} = this.page.getImageData(0, 0, SIDE, SIDE), runs = []
    let value = data[0], more = -1
    for (let i = 0; i < data.length; i += 4) {
      if (data[i] === value && more < 255) more += 1
      else {
        runs.push(value, more)
        value = data[i]
        more = 0
      }
    }
    runs.push(value, more)
    let text = ''
    for (let i = 0; i < runs.length; i += 8192) {
      text += String.fromCharCode(...runs.slice(i, i + 8192))
    }
    return btoa(text)
  }
}
