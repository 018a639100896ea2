// A ball that takes the steps of gradient descent on a real loss: L(w) = floor + m (w − best)².
// Its gradient is 2m (w − best), so each step multiplies w − best by 1 − 2ηm: a closed form.
const NS = 'http://www.w3.org/2000/svg'
const kept = new WeakMap()
const STEPS = 14, STEP_MS = 420, REST_MS = 1300
const LEFT = 16, RIGHT = 16, TOP = 14, BOTTOM = 34, HEIGHT = 270

export default inOrder(function ({ data, parentElement }) {
  const root = parentElement.querySelector('.ball')
  let view = kept.get(root)
  if (!view) kept.set(root, (view = create(root)))
  view.update(data)
  return view.leave
})

function create(root) {
  const svg = root.querySelector('svg'), slider = root.querySelector('input')
  const play = root.querySelector('.play'), said = root.querySelector('.said')
  const told = root.querySelector('output')
  const calm = matchMedia('(prefers-reduced-motion: reduce)')
  let data = null, width = 0, moving = !calm.matches, began = performance.now(), frame = 0
  let ball = null, way = null, dots = []

  // --- the numbers ----------------------------------------------------------------------------

  const rate = () => Number(slider.value) * data.border
  const factor = () => 1 - 2 * rate() * data.m
  const at = (step) => data.best + (data.start - data.best) * factor() ** step
  const loss = (w) => data.floor + data.m * (w - data.best) ** 2
  const far = () => 1.3 * Math.abs(data.start - data.best)
  const X = (w) => LEFT + ((w - data.best + far()) / (2 * far())) * (width - LEFT - RIGHT)
  const Y = (value) => {
    const top = loss(data.best + far())
    return HEIGHT - BOTTOM - ((value - data.floor) / (top - data.floor)) * (HEIGHT - TOP - BOTTOM)
  }
  /** The steps that are drawn: until the ball is there, or has left the picture. */
  const steps = () => {
    const found = [data.start]
    while (found.length <= STEPS) {
      const w = at(found.length)
      if (Math.abs(w - data.best) > far()) break
      found.push(w)
    }
    return found
  }

  function words() {
    const f = factor(), share = Number(slider.value)
    const each = `Each step multiplies the distance to the minimum by ${f.toFixed(2).replace('-', '−')}`
    if (share > 1) return `${each}: too large, the ball climbs out of the bowl.`
    if (share === 1) return `${each}: it jumps from side to side forever.`
    // exact to the last step: |f|ⁿ ≤ 1/100
    const needed = f === 0 ? 1 : Math.ceil(Math.log(0.01) / Math.log(Math.abs(f)))
    const there = `within 1 % of the start's distance after ${needed} ${needed === 1 ? 'step' : 'steps'}`
    if (share > 0.5) return `${each}: it overshoots, and is ${there}.`
    return share < 0.1 ? `${each}: very slow, ${there}.` : `${each}: ${there}.`
  }

  // --- the picture ----------------------------------------------------------------------------

  function make(name, attributes, text) {
    const element = document.createElementNS(NS, name)
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value)
    if (text !== undefined) element.textContent = text
    svg.append(element)
    return element
  }

  function draw() {
    width = root.clientWidth
    if (!width || !data) return
    svg.setAttribute('height', HEIGHT)
    svg.setAttribute('viewBox', `0 0 ${width} ${HEIGHT}`)
    svg.replaceChildren()
    make('line', { class: 'axis', x1: LEFT, x2: width - RIGHT, y1: HEIGHT - BOTTOM + 8, y2: HEIGHT - BOTTOM + 8 })
    const bowl = []
    for (let k = 0; k <= 80; k++) {
      const w = data.best + far() * (k / 40 - 1)
      bowl.push(`${X(w)},${Y(loss(w))}`)
    }
    make('polyline', { class: 'bowl', points: bowl.join(' ') })
    make('text', { x: X(data.best), y: HEIGHT - 8, 'text-anchor': 'middle' }, `slope w: lowest loss at ${data.best.toFixed(2)}`)
    make('text', { x: width / 2, y: TOP + 4, 'text-anchor': 'middle' }, data.title)
    way = make('polyline', { class: 'way' })
    dots = []
    for (let k = 0; k <= STEPS; k++) dots.push(make('circle', { r: 4 }))
    ball = make('circle', { class: 'now', r: 11, fill: data.colours.value, stroke: 'var(--st-background-color)', 'stroke-width': 2 })
    show()
  }

  /** All that follows from the rate; the ball itself moves in `tick`. */
  function show() {
    const found = steps(), out = Number(slider.value) > 1
    const colour = out ? data.colours.bad : data.colours.gradient
    way.setAttribute('points', found.map((w) => `${X(w)},${Y(loss(w))}`).join(' '))
    way.setAttribute('stroke', colour)
    dots.forEach((dot, k) => {
      dot.setAttribute('visibility', k < found.length ? 'visible' : 'hidden')
      if (k < found.length) {
        dot.setAttribute('cx', X(found[k]))
        dot.setAttribute('cy', Y(loss(found[k])))
        dot.setAttribute('fill', colour)
      }
    })
    told.textContent = rate().toPrecision(3)
    slider.setAttribute('aria-valuetext', `${rate().toPrecision(3)}: ${words()}`)
    said.textContent = words()
    svg.setAttribute('aria-label', `${data.title}: a parabola over the slope w. ${words()}`)
    svg.dataset.steps = found.map((w) => w.toPrecision(9)).join(' ')
    place(moving ? 0 : found.length - 1, found)
  }

  function place(time, found) {
    const k = Math.min(Math.floor(time), found.length - 1)
    const next = found[Math.min(k + 1, found.length - 1)]
    const part = Math.min(1, Math.max(0, time - k))
    const w = found[k] + (next - found[k]) * part * part * (3 - 2 * part)
    ball.setAttribute('cx', X(w))
    ball.setAttribute('cy', Y(loss(w)) - 8)
  }

  function tick(now) {
    frame = 0
    if (!moving || !ball || !root.isConnected) return
    const found = steps(), lasts = (found.length - 1) * STEP_MS + REST_MS
    // a frame may carry a time from before the click that began this
    place((Math.max(0, now - began) % lasts) / STEP_MS, found)
    frame = requestAnimationFrame(tick)
  }

  function go(on) {
    moving = on
    play.textContent = moving ? 'Pause' : 'Play'
    began = performance.now()
    if (ball) show()
    if (moving && !frame) frame = requestAnimationFrame(tick)
  }

  slider.oninput = () => {
    began = performance.now()
    show()
  }
  play.onclick = () => go(!moving)
  const room = new ResizeObserver(draw)
  room.observe(root)

  return {
    update(given) {
      const first = data === null
      data = given
      if (first) {
        Object.assign(slider, { min: 0.01, max: 1.1, step: 0.01, value: given.share })
        slider.value = given.share
      }
      draw()
      go(first ? !calm.matches : moving)
    },
    leave() {
      cancelAnimationFrame(frame)
      frame = 0
    },
  }
}
