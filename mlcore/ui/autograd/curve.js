// Draws f, f′ and f″ over one leaf. While the leaf's slider is dragged, the browser reads its
// present value and moves the point; Python follows on release.
const NS = 'http://www.w3.org/2000/svg'
const kept = new WeakMap()
const HEIGHT = 150, TOP = 22, BOTTOM = 24, LEFT = 40, GAP = 14

const make = (name, attributes, parent, text) => {
  const element = document.createElementNS(NS, name)
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value)
  if (text !== undefined) element.textContent = text
  parent.append(element)
  return element
}
const digits = (v) => (v === null || !Number.isFinite(v) ? 'not finite' : String(+v.toPrecision(4)).replace('-', '−'))

function ticks(low, high, count) {
  const raw = (high - low) / count, ten = 10 ** Math.floor(Math.log10(raw))
  const step = [1, 2, 5, 10].map((m) => m * ten).find((s) => s >= raw)
  const found = []
  for (let t = Math.ceil(low / step) * step; t <= high + step * 1e-9; t += step) found.push(Math.abs(t) < step * 1e-9 ? 0 : +t.toPrecision(10))
  return found
}

// the range without the few points near a pole that would flatten everything else
function range(values) {
  const sorted = values.filter((v) => v !== null).sort((a, b) => a - b)
  if (!sorted.length) return [-1, 1]
  const q = (p) => sorted[Math.round(p * (sorted.length - 1))]
  let [low, high] = [sorted[0], sorted[sorted.length - 1]]
  const inner = q(0.95) - q(0.05)
  if (high - low > 12 * inner && inner > 0) [low, high] = [Math.max(low, q(0.05) - inner), Math.min(high, q(0.95) + inner)]
  const size = Math.max(high - low, Math.abs(high) * 1e-6, 1e-9)
  if (high - low < 1e-9 * Math.max(1, Math.abs(high))) return [low - 1, high + 1]
  return [low - size * 0.08, high + size * 0.08]
}

export default function ({ data, parentElement }) {
  const root = parentElement.querySelector('.curve')
  let view = kept.get(root)
  if (!view) kept.set(root, (view = create(root)))
  view.update(data)
}

function create(root) {
  const svg = root.querySelector('svg'), readout = root.querySelector('.readout')
  let data = null, panels = [], watcher = null, watched = null, now = 0

  function draw() {
    const width = root.clientWidth
    if (!width || !data) return
    const stacked = width < 480, n = data.panels.length
    const each = stacked ? width : (width - (n - 1) * GAP) / n
    const whole = HEIGHT + TOP + BOTTOM
    svg.replaceChildren()
    svg.setAttribute('viewBox', `0 0 ${width} ${stacked ? whole * n : whole}`)
    svg.setAttribute('height', stacked ? whole * n : whole)
    svg.setAttribute('aria-label', `${data.output} and its first two derivatives along ${data.name}`)
    const [x0, x1] = [data.x[0], data.x[data.x.length - 1]]
    panels = data.panels.map((panel, i) => {
      const ox = stacked ? LEFT : i * (each + GAP) + LEFT, oy = (stacked ? i * whole : 0) + TOP
      const w = each - LEFT, h = HEIGHT, [low, high] = range(panel.y)
      const X = (x) => ox + ((x - x0) / (x1 - x0)) * w, Y = (y) => oy + h - ((y - low) / (high - low)) * h
      const colour = i === 0 ? 'var(--value)' : 'var(--gradient)'
      make('text', { class: 'title', x: ox, y: oy - 8 }, svg, panel.label)
      make('rect', { class: 'frame', x: ox, y: oy, width: w, height: h }, svg)
      for (const t of ticks(low, high, 4)) make('text', { class: 'tick', x: ox - 5, y: Y(t) + 4, 'text-anchor': 'end' }, svg, digits(t))
      for (const t of ticks(x0, x1, Math.max(3, Math.round(w / 50)))) make('text', { class: 'tick', x: X(t), y: oy + h + 13, 'text-anchor': 'middle' }, svg, digits(t))
      make('text', { class: 'tick', x: ox + w, y: oy + h + 24, 'text-anchor': 'end' }, svg, data.name)
      if (low < 0 && high > 0) make('line', { class: 'zero', x1: ox, x2: ox + w, y1: Y(0), y2: Y(0) }, svg)
      const clip = `clip${i}`
      const box = make('clipPath', { id: clip }, svg)
      make('rect', { x: ox, y: oy, width: w, height: h }, box)
      const inside = make('g', { 'clip-path': `url(#${clip})` }, svg)
      let d = '', pen = false
      panel.y.forEach((y, k) => {
        if (y === null) { pen = false; return }
        d += `${pen ? 'L' : 'M'}${X(data.x[k]).toFixed(1)},${Math.max(-5e3, Math.min(5e3, Y(y))).toFixed(1)}`
        pen = true
      })
      const dashed = i === 2 ? { 'stroke-dasharray': '1 0', opacity: 0.65 } : {}
      make('path', { class: 'line', d, stroke: colour, ...dashed }, inside)
      const tangent = i < 2 ? make('line', { class: 'tangent' }, inside) : null
      const rule = make('line', { class: 'rule', y1: oy, y2: oy + h }, svg)
      const dot = make('circle', { class: 'dot', r: 5, fill: colour }, inside)
      return { X, Y, x0, x1, y: panel.y, tangent, rule, dot, ox, w }
    })
    move(now)
  }

  function value(ys, x) {
    const { x: xs } = data, last = xs.length - 1
    const at = ((x - xs[0]) / (xs[last] - xs[0])) * last
    const k = Math.max(0, Math.min(last - 1, Math.floor(at))), part = at - k
    const [a, b] = [ys[k], ys[k + 1]]
    if (part === 0 || b === null) return a
    return a === null ? b : a + (b - a) * part
  }

  function move(x) {
    now = Math.max(data.x[0], Math.min(data.x[data.x.length - 1], x))
    const at = panels.map((p) => value(p.y, now))
    panels.forEach((p, i) => {
      const px = p.X(now), hidden = at[i] === null ? 'hidden' : 'visible'
      p.rule.setAttribute('x1', px)
      p.rule.setAttribute('x2', px)
      p.dot.setAttribute('cx', px)
      p.dot.setAttribute('cy', at[i] === null ? 0 : p.Y(at[i]))
      p.dot.style.visibility = hidden
      if (!p.tangent) return
      const slope = at[i + 1], y = at[i]
      p.tangent.style.visibility = slope === null || y === null ? 'hidden' : 'visible'
      if (slope === null || y === null) return
      for (const [end, tx] of [['1', p.x0], ['2', p.x1]]) {
        p.tangent.setAttribute('x' + end, p.X(tx))
        p.tangent.setAttribute('y' + end, Math.max(-1e5, Math.min(1e5, p.Y(y + slope * (tx - now)))))
      }
    })
    readout.replaceChildren()
    const say = (text, name, cls) => {
      readout.append(`${text}`)
      const bold = document.createElement('b')
      bold.className = cls
      bold.textContent = name
      readout.append(bold)
    }
    say(`${data.name} = `, digits(now), '')
    say(' · f = ', digits(at[0]), 'v')
    say(' · f′ = ', digits(at[1]), 'g')
    say(' · f″ = ', digits(at[2]), 'g')
    root.dataset.now = now
  }

  // Streamlit's own slider holds an <input type=range>, which says the value while it is dragged
  function listen() {
    const slider = data.listens && document.querySelector(`.st-key-${data.listens} [data-testid=stSlider]`)
    if (slider === watched) return
    watcher?.disconnect()
    watched = slider
    if (!slider) return
    watcher = new MutationObserver(() => {
      const x = +slider.querySelector('input[type=range]')?.value
      if (Number.isFinite(x) && x !== now) move(x)
    })
    watcher.observe(slider, { subtree: true, attributes: true })
  }

  new ResizeObserver(draw).observe(root)
  return {
    update(fresh) {
      data = fresh
      for (const [name, colour] of Object.entries(data.colours)) root.style.setProperty(`--${name}`, colour)
      now = data.now
      draw()
      listen()
    },
  }
}
