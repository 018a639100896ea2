// Draws parallel coordinates and lets each axis be brushed: drag along an axis to keep the lines
// that pass there, drag the mark to move it, click the axis to let go.
const NS = 'http://www.w3.org/2000/svg'
const kept = new WeakMap()
const TOP = 34, BOTTOM = 16, HEIGHT = 290, SIDE = 26, LAST = 74, NARROWEST = 92, REACH = 20

const make = (name, attributes, parent, text) => {
  const element = document.createElementNS(NS, name)
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value)
  if (text !== undefined) element.textContent = text
  parent.append(element)
  return element
}
const clamp = (value) => Math.max(0, Math.min(1, value))

function mix(ramp, rank) {
  const at = clamp(rank) * (ramp.length - 1), k = Math.min(ramp.length - 2, Math.floor(at))
  const part = (hex, i) => parseInt(hex.slice(1 + 2 * i, 3 + 2 * i), 16)
  const rgb = [0, 1, 2].map((i) => Math.round(part(ramp[k], i) + (at - k) * (part(ramp[k + 1], i) - part(ramp[k], i))))
  return `rgb(${rgb.join(',')})`
}

export default inOrder(function ({ data, parentElement, setStateValue }) {
  const root = parentElement.querySelector('.brush')
  let view = kept.get(root)
  if (!view) kept.set(root, (view = create(root)))
  view.update(data, (brushes) => setStateValue('brushes', brushes))
})

function create(root) {
  const svg = root.querySelector('svg'), said = root.querySelector('.said'), tip = root.querySelector('.tip')
  const clear = root.querySelector('.clear')
  let data = null, tell = null, before = '', gap = 1
  let brushes = {} // title of an axis → [low, high], places from 0 to 1
  let paths = [], marks = [], waiting = null, dragging = false, drawnFor = 0
  const X = (k) => SIDE + k * gap, Y = (place) => TOP + (1 - place) * HEIGHT
  const placeOf = (event) => clamp(1 - (event.clientY - svg.getBoundingClientRect().top - TOP) / HEIGHT)

  const inside = (line) => data.axes.every((axis, k) => {
    const range = brushes[axis.title]
    return !range || (line.places[k] !== null && line.places[k] >= range[0] && line.places[k] <= range[1])
  })

  function judge() {
    let count = 0
    data.lines.forEach((line, i) => {
      const good = inside(line)
      count += good
      paths[i].classList.toggle('out', !good)
    })
    data.axes.forEach((axis, k) => {
      const range = brushes[axis.title], mark = marks[k]
      mark.setAttribute('visibility', range ? 'visible' : 'hidden')
      if (range) {
        mark.setAttribute('y', Y(range[1]))
        mark.setAttribute('height', Math.max(2, Y(range[0]) - Y(range[1])))
      }
    })
    const some = Object.keys(brushes).length > 0
    clear.hidden = !some
    const drawn = data.left_out ? ` (${data.left_out} more are not drawn)` : ''
    said.textContent = some
      ? `${count} of ${data.lines.length} lines pass through every mark${drawn}`
      : `Drag along an axis to keep the lines that pass there${drawn}. ${data.legend}`
  }

  function draw() {
    const room = root.clientWidth
    if (!room || !data) return
    drawnFor = room
    tip.hidden = true
    const n = data.axes.length
    gap = Math.max(NARROWEST, (room - SIDE - LAST) / (n - 1))
    const width = SIDE + LAST + gap * (n - 1)
    svg.replaceChildren()
    svg.setAttribute('width', width)
    svg.setAttribute('height', TOP + HEIGHT + BOTTOM)
    svg.setAttribute('aria-label', data.words)
    const lines = make('g', { class: 'lines' }, svg)
    paths = data.lines.map((line) => {
      let d = '', pen = false
      line.places.forEach((place, k) => {
        if (place === null) { pen = false; return }
        d += `${pen ? 'L' : 'M'}${X(k).toFixed(1)},${Y(place).toFixed(1)}`
        pen = true
      })
      const path = make('path', { d, stroke: line.rank === null ? data.ramp[1] : mix(data.ramp, line.rank) }, lines)
      path.addEventListener('pointerenter', (event) => point(event, line, path))
      path.addEventListener('pointerleave', () => { tip.hidden = true; path.classList.remove('front') })
      return path
    })
    marks = data.axes.map((axis, k) => {
      const group = make('g', { class: 'axis' }, svg)
      const title = make('text', { class: 'title', x: X(k) - (k === 0 ? SIDE : 12), y: 14 }, group, short(axis.title))
      make('title', {}, title, axis.title)
      make('line', { x1: X(k), x2: X(k), y1: TOP, y2: TOP + HEIGHT }, group)
      for (const [place, text] of axis.ticks) {
        make('line', { x1: X(k) - 4, x2: X(k), y1: Y(place), y2: Y(place) }, group)
        make('text', { class: 'tick', x: X(k) + 5, y: Y(place) + 4 }, group, short(text))
      }
      const zone = make('rect', { class: 'zone', x: X(k) - REACH, y: TOP - 8, width: 2 * REACH, height: HEIGHT + 16, 'data-axis': axis.title, tabindex: 0, role: 'application', 'aria-label': `Axis ${axis.title}: arrow keys mark and move, Shift and arrows resize, Delete lets go` }, group)
      const mark = make('rect', { class: 'mark', x: X(k) - 8, width: 16, rx: 3 }, group)
      zone.onpointerdown = (event) => start(event, axis.title, zone)
      zone.onkeydown = (event) => press(event, axis.title)
      return mark
    })
    judge()
  }

  const short = (text) => (text.length * 6.4 > gap - 12 ? text.slice(0, Math.max(3, Math.floor((gap - 12) / 6.4) - 1)) + '…' : text)

  function point(event, line, path) {
    if (event.buttons) return
    path.classList.add('front')
    path.parentNode.append(path)
    tip.textContent = [line.name, ...data.axes.map((axis, k) => `${axis.title}: ${line.texts[k]}`)].join('\n')
    tip.hidden = false
    const box = root.getBoundingClientRect()
    const x = event.clientX - box.left, flip = x > box.width / 2
    tip.style.left = flip ? 'auto' : `${x + 14}px`
    tip.style.right = flip ? `${box.width - x + 14}px` : 'auto'
    tip.style.top = `${Math.max(0, event.clientY - box.top - 20)}px`
  }

  function start(event, title, zone) {
    event.preventDefault()
    tip.hidden = dragging = true
    zone.setPointerCapture(event.pointerId)
    const from = placeOf(event), held = brushes[title]
    const moves = held && from >= held[0] && from <= held[1]
    let far = false
    zone.onpointermove = (move) => {
      const to = placeOf(move)
      far = far || Math.abs(to - from) * HEIGHT > 3
      if (!far) return
      if (moves) {
        const shift = Math.max(-held[0], Math.min(1 - held[1], to - from))
        brushes[title] = [held[0] + shift, held[1] + shift]
      } else brushes[title] = [Math.min(from, to), Math.max(from, to)]
      judge()
    }
    zone.onpointerup = zone.onpointercancel = () => {
      zone.onpointermove = zone.onpointerup = zone.onpointercancel = null
      if (!far) delete brushes[title]
      dragging = false
      judge()
      take()
      tell({ ...brushes })
    }
  }

  function press(event, title) {
    const held = brushes[title], way = { ArrowUp: 0.05, ArrowDown: -0.05 }[event.key]
    if (way && !held) brushes[title] = [0.25, 0.75]
    else if (way && event.shiftKey) brushes[title] = [held[0], Math.max(held[0] + 0.02, clamp(held[1] + way))]
    else if (way) {
      const shift = Math.max(-held[0], Math.min(1 - held[1], way))
      brushes[title] = [held[0] + shift, held[1] + shift]
    } else if (held && ['Delete', 'Backspace', 'Escape'].includes(event.key)) delete brushes[title]
    else return
    event.preventDefault()
    judge()
    tell({ ...brushes })
  }

  clear.onclick = () => { brushes = {}; judge(); tell({}) }
  new ResizeObserver(() => { if (!dragging && Math.abs(root.clientWidth - drawnFor) > 1) draw() }).observe(root)

  function take() { // not while somebody drags: the axis under the hand would be replaced
    if (dragging || !waiting) return
    const old = data, said = JSON.stringify(brushes)
    data = waiting
    waiting = null
    for (const title of Object.keys(brushes)) {
      const moved = carry(brushes[title], find(old, title), find(data, title))
      if (moved) brushes[title] = moved
      else delete brushes[title]
    }
    draw()
    if (JSON.stringify(brushes) !== said) tell({ ...brushes })
  }

  const find = (given, title) => given && given.axes.find((axis) => axis.title === title)

  // a mark keeps its values when the axis under it begins or ends elsewhere
  function carry(range, from, to) {
    if (!from || !to || from.kind !== to.kind) return null
    if (from.low === to.low && from.high === to.high) return range
    if (from.kind === 'category') return null
    const log = from.kind === 'log', scale = log ? Math.log : (x) => x
    const [a, b, c, d] = [from.low, from.high, to.low, to.high].map(scale)
    const [low, high] = range.map((place) => clamp((a + place * (b - a) - c) / (d - c)))
    return high > low ? [low, high] : null
  }

  return {
    update(given, telling) {
      tell = telling
      const now = JSON.stringify(given)
      if (now === before) return
      before = now
      waiting = given
      take()
    },
  }
}
