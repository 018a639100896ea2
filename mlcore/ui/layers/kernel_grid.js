const grids = new WeakMap()
const ANSWERED_WITHIN_MS = 5000
const told = values => values.flat().map(value => Number(value).toPrecision(6)).join()
  + `/${values.length}`

export default inOrder(function ({data, parentElement: root, setTriggerValue}) {
  let grid = grids.get(root)
  if (!grid) grids.set(root, grid = new KernelGrid(root))
  grid.update(data, rows => setTriggerValue('edit', rows))
})

// The numbers of a kernel as text fields. A field shows as many decimals as its width has room for,
// and the whole number while it has the focus.
class KernelGrid {
  constructor(root) {
    this.rows = root.querySelector('.rows')
    this.said = root.querySelector('.said')
    this.pen = document.createElement('canvas').getContext('2d')
    this.sent = []  // kernels that were sent and not yet answered, oldest first
    this.answered = ''
    this.sentAt = 0
    new ResizeObserver(() => this.data && this.fit()).observe(this.rows)
  }

  update(data, send) {
    this.data = this.isOld(data.values) ? {...data, values: this.data.values} : data
    this.send = send
    const size = data.values.length
    if (this.rows.children.length !== size * size) this.build(size)
    this.tell(this.hint())
    this.fit()
  }

  // Whether the server answers an earlier edit than the last: taking it would undo what was typed
  // meanwhile. Its numbers are rounded, and an edit that it refused it never answers.
  isOld(values) {
    const text = told(values), last = this.sent.length - 1, at = this.sent.lastIndexOf(text)
    const soon = performance.now() - this.sentAt < ANSWERED_WITHIN_MS
    if (soon && last >= 0 && at !== last && (at >= 0 || text === this.answered)) return true
    this.sent = []
    this.answered = text
    return false
  }

  hint() {
    return 'Click a number to change it; Enter or Tab to confirm.'
  }

  build(size) {
    this.rows.replaceChildren(...Array.from({length: size * size}, (_, place) => {
      const field = document.createElement('input')
      field.type = 'text'
      field.inputMode = 'decimal'
      field.autocomplete = 'off'
      field.setAttribute('aria-label',
        `Kernel, row ${Math.floor(place / size)}, column ${place % size}`)
      field.onmousedown = e => {  // a click selects the whole number, as Tab does, so typing replaces it
        if (field.getRootNode().activeElement === field) return
        e.preventDefault()
        field.focus()
      }
      field.onfocus = () => {
        field.value = this.full(place)
        field.select()
      }
      field.onblur = () => this.take(place, field)
      field.onkeydown = e => this.key(e, place, field)
      return field
    }))
  }

  value(place) {
    const size = this.data.values.length
    return this.data.values[Math.floor(place / size)][place % size]
  }

  full(place) {
    return String(Number(this.value(place).toPrecision(7))).replaceAll('-', '−')
  }

  key(e, place, field) {
    const size = this.data.values.length
    const to = {ArrowUp: place - size, ArrowDown: place + size, Enter: place + size}[e.key]
    if (e.key === 'Escape') {
      field.value = this.full(place)
      this.tell(this.hint())
    }
    if (to === undefined) return
    e.preventDefault()
    const next = this.rows.children[to]
    if (next) next.focus()
    else if (e.key === 'Enter') {
      this.take(place, field)
      field.value = this.full(place)
    }
  }

  take(place, field) {
    const text = field.value.trim(), size = this.data.values.length
    if (text !== this.full(place)) {
      const plain = text.replaceAll('−', '-').replace(',', '.')
      const value = Number(plain)
      if (!plain || !Number.isFinite(value) || Math.abs(value) > this.data.most) {
        const shown = text.length > 20 ? `${text.slice(0, 20)}…` : text
        this.tell(`“${shown}” is no number from −${this.data.most} to ${this.data.most}; `
          + `${this.full(place)} stays.`, true)
      } else if (value !== this.value(place)) {
        this.data.values[Math.floor(place / size)][place % size] = value
        this.tell(this.hint())
        this.sent.push(told(this.data.values))
        this.sentAt = performance.now()
        this.send(this.data.values.map(row => [...row]))
      }
    }
    field.value = this.short(place)
  }

  tell(text, bad = false) {
    this.said.textContent = text
    this.said.classList.toggle('bad', bad)
  }

  // --- fitting ------------------------------------------------------------------------------

  short(place) {
    return decimals(this.value(place), this.places)
  }

  // The largest font and most decimals with which every number fits; below that, the grid scrolls.
  fit() {
    const size = this.data.values.length, room = this.rows.clientWidth
    if (!room) return
    const cell = Math.min(64, (room - 4 - 2 * (size - 1)) / size), font = css(this.rows, '--st-font', 'sans-serif')
    const widest = (places, pixels) => {
      this.pen.font = `${pixels}px ${font}`
      return Math.max(...this.data.values.flat().map(
        v => this.pen.measureText(decimals(v, places)).width))
    }
    const tries = [[4, 13], [3, 13], [3, 12], [3, 11], [2, 12], [2, 11], [1, 11]]
    const [places, pixels] = tries.find(t => widest(...t) + 8 <= cell) ?? [2, 11]
    this.places = places
    const wide = Math.max(cell, widest(places, pixels) + 8)
    this.rows.style.gridTemplateColumns = `repeat(${size}, ${wide}px)`
    ;[...this.rows.children].forEach((field, place) => {
      field.style.fontSize = `${pixels}px`
      field.title = this.full(place)
      if (field.getRootNode().activeElement !== field) field.value = this.short(place)
    })
  }
}
