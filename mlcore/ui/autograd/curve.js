// Draws f, f′ and f″ over one leaf. While the leaf's slider is dragged, the browser reads its
// present value and moves the point; Python follows on release.
const NS = 'http://www.w3.org/2000/svg'
const kept = new WeakMap()
const HEIGHT = 150, TOP = 24, BOTTOM = 34, LEFT = 46, GAP = 16

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

export default inOrder(function ({ data, parentElement }) {
  const root = parentElement.querySelector('.curve')
  let view = kept.get(root)
  if (!view) kept.set(root, (view = create(root)))
  view.update(data)
})

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
    const [x0, x1] = [data.x[0], data.x[data.x.length - 1]]
    for (const [name, text] of Object.entries({
      label: `${data.output} and its first two derivatives along ${data.name}; the arrow keys move the point`,
      valuemin: x0, valuemax: x1,
    })) svg.setAttribute(`aria-${name}`, text)
    panels = data.panels.map((panel, i) => {
      const ox = stacked ? LEFT : i * (each + GAP) + LEFT, oy = (stacked ? i * whole : 0) + TOP
      const w = each - LEFT, h = HEIGHT, [low, high] = range(panel.y)
      const X = (x) => ox + ((x - x0) / (x1 - x0)) * w, Y = (y) => oy + h - ((y - low) / (high - low)) * h
      const colour = i === 0 ? 'var(--value)' : 'var(--gradient)'
      make('text', { class: 'title', x: ox, y: oy - 8 }, svg, panel.label)
      make('rect', { class: 'frame', x: ox, y: oy, width: w, height: h }, svg)
      for (const t of ticks(low, high, 4)) make('text', { class: 'tick', x: ox - 5, y: Y(t) + 4, 'text-anchor': 'end' }, svg, digits(t))
      for (const t of ticks(x0, x1, Math.max(3, Math.round(w / 50)))) make('text', { class: 'tick', x: X(t), y: oy + h + 15, 'text-anchor': 'middle' }, svg, digits(t))
      make('text', { class: 'tick', x: ox + w, y: oy + h + 30, 'text-anchor': 'end' }, svg, data.name)
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
      return { X, Y, x0, x1, y: panel.y, tangent, rule, dot, ox, w, top: oy }
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
    svg.setAttribute('aria-valuenow', now)
    svg.setAttribute('aria-valuetext', readout.textContent)
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

  // looking only: the leaf itself is moved by its slider
  svg.onkeydown = (event) => {
    const [x0, x1] = [data.x[0], data.x[data.x.length - 1]], small = (x1 - x0) / 100
    const to = {
      ArrowLeft: now - small, ArrowDown: now - small, ArrowRight: now + small, ArrowUp: now + small,
      PageDown: now - 10 * small, PageUp: now + 10 * small, Home: x0, End: x1, Escape: data.now,
    }[event.key]
    if (to === undefined) return
    event.preventDefault()
    move(+to.toPrecision(12))
  }
  svg.onpointerdown = svg.onpointermove = (event) => {
    if (event.type === 'pointermove' && !event.buttons) return
    const x = event.clientX - svg.getBoundingClientRect().left, y = event.clientY - svg.getBoundingClientRect().top
    const panel = panels.find((p) => x >= p.ox && x <= p.ox + p.w && y >= p.top && y <= p.top + HEIGHT)
    if (panel) move(panel.x0 + ((x - panel.ox) / panel.w) * (panel.x1 - panel.x0))
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
