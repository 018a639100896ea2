// Draws a traced graph and walks over it. Layout comes from Python; stepping never leaves the
// browser, and only classes and texts change, so nothing can move.
// the smallest text is 13.5 px before scaling, and at least 12 px on the screen
const MOST = 1.05, LEAST = 0.89
const NS = 'http://www.w3.org/2000/svg'
const PLAY = 'M8 5v14l11-7z', PAUSE = 'M6 5h4v14H6zM14 5h4v14h-4z', AGAIN = 'M6 5h2v14H6zM19 5v14L9 12z'
const FORWARD_MS = 120, BACKWARD_MS = 500, WHOLE_MS = 6000
const kept = new WeakMap()

const make = (name, attributes = {}, parent = null, text = null) => {
  const element = document.createElementNS(NS, name)
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value)
  if (text !== null) element.textContent = text
  if (parent) parent.append(element)
  return element
}
const cut = (text, most) => (text.length > most ? text.slice(0, most - 1) + '…' : text)

export default inOrder(function ({ data, parentElement, setStateValue }) {
  const root = parentElement.querySelector('.graph')
  let view = kept.get(root)
  if (!view) kept.set(root, (view = create(root)))
  view.update(data, setStateValue)
  return () => view.pause()
})

function create(root) {
  const $ = (selector) => root.querySelector(selector)
  const svg = $('.picture'), stage = $('.stage'), world = $('.world'), card = $('.card')
  const slider = $('.steps'), map = $('.map')
  let data = null, nodes = [], edges = [], step = 0, timer = null, pinned = -1
  let camera = { x: 0, y: 0, k: 1 }, size = { w: 800, h: 360 }, bounds = null, upright = false
  let savedShown = false, atEnd = true, focused = 0, told = null, tell = null

  const EDGE = 12
  // --- geometry: layers along one axis, places along the other; whichever way is larger wins ---
  let BOX = { w: 150, h: 66 }, pitch = { layer: 266, place: 92 }
  function turn(up) {
    upright = up
    const stacked = data.nodes.some((n) => n.value.length > 8 || n.grad.length > 7) ? 18 : 0
    const chip = savedShown ? 18 : 0
    // side by side as wide as there is room for, so that the graph fits without scaling
    const places = data.nodes.map((n) => n.place), gap = stage.clientWidth < 480 ? 12 : 24
    const span = Math.max(...places) - Math.min(...places)
    const room = ((stage.clientWidth - 2 * EDGE) / LEAST - span * gap) / (span + 1)
    const [least, most] = stacked ? [150, 236] : [124, 190]
    BOX = up ? { w: Math.round(Math.max(least, Math.min(most, room))), h: 46 + stacked } : { w: stacked ? 190 : 164, h: 68 + stacked }
    pitch = up ? { layer: BOX.h + chip + 40, place: BOX.w + gap } : { layer: BOX.w + 112, place: BOX.h + chip + 24 }
    BOX.stacked = stacked > 0
  }
  const point = (layer, place) => upright
    ? [place * pitch.place, layer * pitch.layer]
    : [layer * pitch.layer, place * pitch.place]
  function scaleIf(up, w) {
    turn(up)
    const layers = Math.max(...data.nodes.map((n) => n.layer)) * pitch.layer
    const places = data.nodes.map((n) => n.place)
    const across = (Math.max(...places) - Math.min(...places)) * pitch.place
    const width = (up ? across : layers) + BOX.w + 2 * EDGE, height = (up ? layers : across) + BOX.h + 2 * EDGE
    return Math.min(MOST, w / width, data.height / height)
  }

  function ports() {
    data.edges.forEach((edge, i) => (edge.i = i))
    for (const node of data.nodes) node.ports = []
    for (const edge of data.edges) data.nodes[edge.target].ports.push(edge)
    for (const node of data.nodes) {
      const from = (edge) => {
        const end = edge.route.length ? edge.route[edge.route.length - 1] : null
        const source = data.nodes[edge.source]
        return end ? end[1] : source.place
      }
      node.ports.sort((a, b) => from(a) - from(b) || a.slot - b.slot)
      node.ports.forEach((edge, i) => {
        const spread = upright ? Math.min(BOX.stacked ? 130 : 92, (BOX.w - 14) / node.ports.length) : Math.min(26, 56 / node.ports.length)
        edge.offset = (i - (node.ports.length - 1) / 2) * spread
      })
    }
  }

  function path(edge) {
    const a = data.nodes[edge.source], b = data.nodes[edge.target]
    const [ax, ay] = point(a.layer, a.place), [bx, by] = point(b.layer, b.place)
    const start = upright ? [ax, ay + BOX.h / 2] : [ax + BOX.w / 2, ay]
    const end = upright ? [bx + edge.offset, by - BOX.h / 2 - 1] : [bx - BOX.w / 2 - 1, by + edge.offset]
    const stops = [start]
    for (const [layer, place] of edge.route) {
      const [x, y] = point(layer, place)
      if (upright) stops.push([x, y - BOX.h / 2], [x, y + BOX.h / 2])
      else stops.push([x - BOX.w / 2, y], [x + BOX.w / 2, y])
    }
    stops.push(end)
    let d = `M${stops[0]}`
    for (let i = 1; i < stops.length; i++) {
      const [px, py] = stops[i - 1], [qx, qy] = stops[i]
      if (i % 2 === 0) d += `L${qx},${qy}`
      else if (upright) d += `C${px},${(py + qy) / 2} ${qx},${(py + qy) / 2} ${qx},${qy}`
      else d += `C${(px + qx) / 2},${py} ${(px + qx) / 2},${qy} ${qx},${qy}`
    }
    return { d, end }
  }

  function build() {
    ports()
    for (const name of ['.edges', '.nodes', '.labels']) $(name).replaceChildren()
    edges = data.edges.map((edge) => {
      const { d, end } = path(edge)
      const line = make('path', { class: 'edge' + (edge.slot < 0 ? ' none' : ''), d, 'marker-end': 'url(#tip)' }, $('.edges'))
      const label = make('text', upright
        ? { class: 'label', x: end[0], y: end[1] - 22, 'text-anchor': 'middle' }
        : { class: 'label', x: end[0] - 12, y: end[1] - 4, 'text-anchor': 'end' }, $('.labels'))
      const local = make('tspan', { class: 'local' }, label)
      const flow = make('tspan', upright ? { class: 'flow', x: end[0], dy: 14 } : { class: 'flow', dx: 5 }, label)
      return { line, label, local, flow }
    })
    nodes = data.nodes.map((node, i) => {
      const [x, y] = point(node.layer, node.place)
      const g = make('g', {
        class: `node ${node.kind}${i === data.root ? ' root' : ''}`, tabindex: i === focused ? 0 : -1, role: 'button',
        transform: `translate(${x - BOX.w / 2},${y - BOX.h / 2})`,
      }, $('.nodes'))
      const nameRoom = upright ? Math.floor((BOX.w - 60) / 8.5) : 16
      make('rect', { class: 'box', width: BOX.w, height: BOX.h, rx: 8 }, g)
      make('text', { class: 'name', x: 9, y: 18 }, g, cut(node.name, nameRoom))
      if (upright) make('text', { class: 'op', x: BOX.w - 9, y: 18, 'text-anchor': 'end' }, g, cut(node.op.replace(/Backward\d*$/, ''), Math.floor((BOX.w - 26 - Math.min(node.name.length, nameRoom) * 8.5) / 7)))
      else make('text', { class: 'op', x: 9, y: 35 }, g, cut(node.op, 20))
      const low = BOX.h - 10
      const val = make('text', { class: 'val', x: 9, y: BOX.stacked ? low - 18 : low }, g)
      const grad = make('text', BOX.stacked ? { class: 'grad', x: 9, y: low } : { class: 'grad', x: BOX.w - 9, y: low, 'text-anchor': 'end' }, g)
      if (savedShown && node.saved) {
        make('rect', { class: 'chip', x: 4, y: BOX.h + 3, width: BOX.w - 8, height: 16, rx: 5 }, g)
        make('text', { class: 'kept', x: 9, y: BOX.h + 15 }, g, cut(node.saved, 20))
      }
      g.onpointerenter = () => pinned < 0 && show(i)
      g.onpointerleave = () => pinned < 0 && hide()
      g.onfocus = () => {
        nodes[focused]?.g.setAttribute('tabindex', -1)
        focused = i
        g.setAttribute('tabindex', 0)
        if (!inView(i)) centre(i)
        if (pinned < 0 && g.matches(':focus-visible')) show(i)
      }
      g.onblur = () => pinned < 0 && hide()
      g.onclick = (event) => { event.stopPropagation(); if (!moved) pin(pinned === i ? -1 : i) }
      g.onkeydown = (event) => { 
        if (event.key === 'Enter') { event.stopPropagation(); pin(pinned === i ? -1 : i) }
        const to = { ArrowUp: i - 1, ArrowDown: i + 1 }[event.key]
        if (to === undefined) return
        event.preventDefault()
        nodes[Math.max(0, Math.min(nodes.length - 1, to))].g.focus()
      }
      return { g, val, grad }
    })
    const corners = data.nodes.map((node) => point(node.layer, node.place))
    const bends = data.edges.flatMap((edge) => edge.route.map(([l, p]) => point(l, p)))
    const xs = [...corners.map((c) => c[0] - BOX.w / 2), ...corners.map((c) => c[0] + BOX.w / 2), ...bends.map((b) => b[0])]
    const ys = [...corners.map((c) => c[1] - BOX.h / 2), ...corners.map((c) => c[1] + BOX.h / 2 + (savedShown ? 20 : 0)), ...bends.map((b) => b[1])]
    bounds = { x: Math.min(...xs) - EDGE, y: Math.min(...ys) - EDGE, w: Math.max(...xs) - Math.min(...xs) + 2 * EDGE, h: Math.max(...ys) - Math.min(...ys) + 2 * EDGE }
    drawMap()
  }

  function write() {
    data.nodes.forEach((node, i) => {
      nodes[i].val.textContent = node.value
      nodes[i].grad.textContent = node.grad && `${data.mark ?? '∂'} ${node.grad}`
      const grad = node.grad ? `, gradient ${node.grad}` : ''
      nodes[i].g.setAttribute('aria-label', `${node.title ?? node.name}, ${node.op}, ${data.legend?.[0] ?? 'value'} ${node.value}${grad}`)
    })
    data.edges.forEach((edge, i) => {
      edges[i].local.textContent = edge.local
      edges[i].flow.textContent = edge.flow && '∂ ' + edge.flow
    })
  }

  // --- camera -------------------------------------------------------------------------------
  function place() {
    world.setAttribute('transform', `translate(${camera.x},${camera.y}) scale(${camera.k})`)
    svg.classList.toggle('far', camera.k < 0.45)
    const k = mapScale()
    const whole = camera.x + bounds.x * camera.k >= -1 && camera.y + bounds.y * camera.k >= -1 &&
      camera.x + (bounds.x + bounds.w) * camera.k <= size.w + 1 && camera.y + (bounds.y + bounds.h) * camera.k <= size.h + 1
    map.style.display = whole ? 'none' : 'block'
    const frame = map.querySelector('.window')
    for (const [key, value] of Object.entries({
      x: (-camera.x / camera.k - bounds.x) * k, y: (-camera.y / camera.k - bounds.y) * k,
      width: (size.w / camera.k) * k, height: (size.h / camera.k) * k,
    })) frame.setAttribute(key, value)
    if (pinned >= 0) show(pinned)
  }
  const mapScale = () => {
    const tall = bounds.h > 2 * bounds.w
    const [w, h] = tall ? [36, size.h - 16] : [150, 84]
    const k = Math.min(w / bounds.w, h / bounds.h)
    map.style.width = `${Math.max(tall ? 14 : 40, bounds.w * k)}px`
    map.style.height = `${bounds.h * k}px`
    return k
  }
  function drawMap() {
    const g = map.querySelector('g'), k = mapScale()
    g.replaceChildren()
    for (const node of data.nodes) {
      const [x, y] = point(node.layer, node.place)
      make('rect', { x: (x - BOX.w / 2 - bounds.x) * k, y: (y - BOX.h / 2 - bounds.y) * k, width: Math.max(1.5, BOX.w * k), height: Math.max(1.5, BOX.h * k) }, g)
    }
  }
  function fit(least) {
    const k = Math.min(MOST, size.w / bounds.w, size.h / bounds.h)
    camera.k = Math.max(k, least)
    if (camera.k > k + 1e-6) return centre(step > 0 || !data.stops.length ? data.root : data.stops[0].node)
    camera.x = (size.w - bounds.w * camera.k) / 2 - bounds.x * camera.k
    camera.y = (size.h - bounds.h * camera.k) / 2 - bounds.y * camera.k
    place()
  }
  function centre(i) {
    const [x, y] = point(data.nodes[i].layer, data.nodes[i].place)
    // no empty room beyond the graph's edge, and the middle where all of it fits
    const within = (wanted, room, start, length) => room >= length * camera.k
      ? (room - length * camera.k) / 2 - start * camera.k
      : Math.min(-start * camera.k, Math.max(room - (start + length) * camera.k, wanted))
    camera.x = within(size.w / 2 - x * camera.k, size.w, bounds.x, bounds.w)
    camera.y = within(size.h / 2 - y * camera.k, size.h, bounds.y, bounds.h)
    place()
  }
  function inView(i) {
    const [x, y] = point(data.nodes[i].layer, data.nodes[i].place)
    const px = x * camera.k + camera.x, py = y * camera.k + camera.y
    const rx = (BOX.w / 2) * camera.k, ry = (BOX.h / 2) * camera.k
    return px - rx >= 0 && px + rx <= size.w && py - ry >= 0 && py + ry <= size.h
  }
  function zoom(factor, cx = size.w / 2, cy = size.h / 2) {
    const k = Math.min(3, Math.max(0.08, camera.k * factor))
    camera.x = cx - ((cx - camera.x) * k) / camera.k
    camera.y = cy - ((cy - camera.y) * k) / camera.k
    camera.k = k
    place()
  }

  // --- walk ---------------------------------------------------------------------------------
  function go(to) {
    const stops = data.stops
    step = Math.max(0, Math.min(stops.length, to))
    atEnd = step === stops.length
    slider.value = step
    const values = new Set(), grads = new Set(), passed = new Set()
    for (const stop of stops.slice(0, step)) {
      (stop.phase === 'forward' ? values : grads).add(stop.node)
      if (stop.phase === 'backward') stop.edges.forEach((e) => passed.add(e))
    }
    const now = step > 0 && !(atEnd && quiet) ? stops[step - 1] : null
    const all = stops.length === 0
    const given = (i) => data.nodes[i].kind !== 'operation' && !data.edges.some((e) => e.target === i)
    nodes.forEach(({ g, val, grad }, i) => {
      val.classList.toggle('pending', !all && !values.has(i) && !given(i))
      grad.classList.toggle('pending', !all && !grads.has(i))
      g.classList.toggle('now', now?.node === i)
      g.classList.toggle('forward', now?.node === i && now.phase === 'forward')
      g.classList.toggle('backward', now?.node === i && now.phase === 'backward')
    })
    edges.forEach(({ line, local, flow }, i) => {
      const here = !!now && now.edges.includes(i)
      line.classList.toggle('now', here)
      line.classList.toggle('forward', here && now.phase === 'forward')
      line.classList.toggle('backward', here && now.phase === 'backward')
      local.classList.toggle('pending', !all && !passed.has(i))
      flow.classList.toggle('pending', !all && !passed.has(i))
    })
    const shown = step > 0 ? stops[step - 1] : null
    const where = $('.where')
    where.replaceChildren()
    if (all) where.textContent = ''
    else if (!shown) where.textContent = `step 0 of ${stops.length} · nothing computed yet`
    else {
      const phase = document.createElement('b')
      phase.className = shown.phase
      phase.textContent = shown.phase
      where.append(`step ${step} of ${stops.length} · `, phase, ` ${cut(data.nodes[shown.node].name, 24)}`)
    }
    formula(shown?.math)
    $('[data-do=copy]').style.visibility = shown ? 'visible' : 'hidden'
    map.querySelectorAll('g rect').forEach((rect, i) => rect.classList.toggle('now', now?.node === i))
    if (now && !inView(now.node)) centre(now.node)
    root.dataset.step = step
    button()
    report()
  }
  // broken before each = and + so that a long formula wraps and its result is never cut off
  function formula(text) {
    const math = $('.math')
    math.innerHTML = text ? `<math><mrow>${text}</mrow></math>` : ''
    const parts = [[]]
    for (const part of math.querySelector('mrow')?.children ?? []) {
      if (part.localName === 'mo' && /^[=+]$/.test(part.textContent) && parts[0].length) parts.push([])
      if (part.localName === 'mo') part.setAttribute('form', 'infix') // keeps its spaces at a line's start
      parts[parts.length - 1].push(part.outerHTML)
    }
    math.innerHTML = text ? parts.map((part) => `<math displaystyle="true"><mrow>${part.join('')}</mrow></math>`).join('') : ''
    if (!text) {
      const hint = document.createElement('span')
      hint.className = 'hint'
      hint.textContent = backward()
        ? 'Run backward: first the values are computed along the arrows, then the gradients flow back against them.'
        : 'Run forward: the values are computed along the arrows.'
      math.append(hint)
    }
    const row = $('.formula')
    row.style.minHeight = `${Math.max(row.offsetHeight, parseFloat(row.style.minHeight) || 0)}px`
  }
  const backward = () => data.stops.some((stop) => stop.phase === 'backward')
  function button() {
    const run = $('[data-do=play]'), words = timer ? 'Pause' : atEnd ? 'Start again' : step > 0 ? 'Continue'
      : backward() ? 'Run backward' : 'Run forward'
    run.querySelector('span').textContent = words
    run.querySelector('path').setAttribute('d', timer ? PAUSE : atEnd ? AGAIN : PLAY)
  }
  // the table beside the graph shows each .grad once the backward pass has run
  function report() {
    if (!tell || !backward()) return
    const state = atEnd ? data.program : ''
    if (state === told) return
    told = state
    tell('ended', state)
  }
  let quiet = true // the finished picture is shown without a highlight until somebody steps
  function stepTo(to) { quiet = false; go(to) }
  function pause() {
    clearTimeout(timer)
    timer = null
    if (data) button()
  }
  function play() {
    if (timer) return pause()
    if (atEnd) return stepTo(0)
    if (matchMedia('(prefers-reduced-motion: reduce)').matches) return stepTo(data.stops.length)
    const count = data.stops.filter((stop) => stop.phase === 'backward').length
    const tick = () => {
      stepTo(step + 1)
      if (atEnd) return pause()
      const back = data.stops[step].phase === 'backward'
      timer = setTimeout(tick, back ? Math.min(BACKWARD_MS, WHOLE_MS / count) : FORWARD_MS)
    }
    timer = setTimeout(tick, 0)
    button()
  }
  const actions = {
    first: () => { pause(); stepTo(0) }, back: () => { pause(); stepTo(step - 1) },
    next: () => { pause(); stepTo(step + 1) }, last: () => { pause(); stepTo(data.stops.length) },
    play, in: () => zoom(1.25), out: () => zoom(0.8), fit: () => fit(camera.k < LEAST - 1e-6 ? LEAST : 0),
    saved: () => {
      savedShown = !savedShown
      $('[data-do=saved]').setAttribute('aria-pressed', savedShown)
      bounds = null; measure(); fit(LEAST); go(step)
    },
    copy: () => {
      navigator.clipboard?.writeText(data.stops[step - 1].latex)
      const button = $('[data-do=copy]')
      button.textContent = 'copied'
      setTimeout(() => (button.textContent = 'LaTeX'), 1200)
    },
  }
  root.onclick = (event) => {
    const what = event.target.closest?.('button')?.dataset.do
    if (what) actions[what]()
  }
  slider.oninput = () => { pause(); stepTo(+slider.value) }
  root.onkeydown = (event) => {
    if (event.target === slider) return
    const what = { ArrowLeft: 'back', ArrowRight: 'next', Home: 'first', End: 'last' }[event.key]
      ?? ((event.key === ' ' || (event.key === 'Enter' && event.target === root)) && event.target.tagName !== 'BUTTON' ? 'play' : null)
    if (what && data.stops.length) { event.preventDefault(); actions[what]() }
    if (event.key === 'Escape') pin(-1)
  }

  // --- record card --------------------------------------------------------------------------
  function show(i) {
    const node = data.nodes[i]
    card.replaceChildren()
    const title = document.createElement('h4')
    title.textContent = node.title ?? node.name
    const table = document.createElement('table')
    for (const [key, value] of node.record) {
      const row = table.insertRow()
      row.insertCell().textContent = key
      row.insertCell().textContent = value
    }
    for (const edge of data.edges.filter((e) => e.target === i && e.slot >= 0 && !data.legend)) {
      const row = table.insertRow()
      row.insertCell().textContent = `∂/∂${cut(data.nodes[edge.source].name, 10)}`
      row.insertCell().textContent = (edge.localFull || 'too large to show') + (edge.flowFull ? ` → ${edge.flowFull}` : '')
    }
    card.append(title, table)
    card.classList.add('shown')
    const [x, y] = point(node.layer, node.place)
    const px = x * camera.k + camera.x, py = y * camera.k + camera.y
    const right = px + (BOX.w / 2) * camera.k + 10, w = card.offsetWidth, h = card.offsetHeight
    const left = right + w <= size.w ? right : Math.max(4, px - (BOX.w / 2) * camera.k - 10 - w)
    card.style.left = `${Math.min(left, Math.max(4, size.w - w - 4))}px`
    card.style.top = `${Math.max(4, Math.min(py - h / 2, size.h - h - 4))}px`
  }
  const hide = () => card.classList.remove('shown')
  function pin(i) {
    nodes[pinned]?.g.classList.remove('pinned')
    pinned = i
    if (i < 0) return hide()
    nodes[i].g.classList.add('pinned')
    show(i)
  }

  // --- pointer ------------------------------------------------------------------------------
  let drag = null, moved = false
  svg.onpointerdown = (event) => { drag = { x: event.clientX, y: event.clientY, cx: camera.x, cy: camera.y }; moved = false }
  svg.onpointermove = (event) => {
    if (!drag) return
    const dx = event.clientX - drag.x, dy = event.clientY - drag.y
    if (!moved && Math.hypot(dx, dy) < 4) return
    if (!moved) { moved = true; svg.setPointerCapture(event.pointerId); svg.classList.add('dragging') }
    camera.x = drag.cx + dx
    camera.y = drag.cy + dy
    place()
  }
  svg.onpointerup = svg.onpointercancel = () => { drag = null; svg.classList.remove('dragging') }
  svg.onclick = () => { if (!moved) pin(-1) }
  svg.addEventListener('wheel', (event) => {
    if (!event.ctrlKey && !event.metaKey) return
    event.preventDefault()
    const box = svg.getBoundingClientRect()
    zoom(event.deltaY < 0 ? 1.12 : 1 / 1.12, event.clientX - box.left, event.clientY - box.top)
  }, { passive: false })
  map.onpointerdown = map.onpointermove = (event) => {
    if (event.type === 'pointermove' && !event.buttons) return
    const box = map.getBoundingClientRect(), k = mapScale()
    camera.x = size.w / 2 - ((event.clientX - box.left) / k + bounds.x) * camera.k
    camera.y = size.h / 2 - ((event.clientY - box.top) / k + bounds.y) * camera.k
    place()
  }

  // --- data and size ------------------------------------------------------------------------
  function measure() {
    const w = stage.clientWidth
    if (!w || !data) return false
    const up = scaleIf(true, w) > scaleIf(false, w)
    const rebuilt = up !== turned || !bounds
    turn(up)
    turned = up
    if (rebuilt) { build(); write() }
    // as tall as the graph needs at this width; the same for the same graph
    const k = Math.max(LEAST, Math.min(MOST, w / bounds.w))
    // on a narrow screen the picture stays over the sliders: it must leave them room
    const most = innerWidth <= 640 ? Math.min(data.height, 250) : data.height
    const h = Math.round(Math.max(190, Math.min(most, bounds.h * k)))
    const resized = w !== size.w || h !== size.h
    size = { w, h }
    stage.style.height = `${h}px`
    return rebuilt || resized
  }
  let turned = null
  new ResizeObserver(() => {
    if (!measure()) return
    fit(LEAST)
    go(step)
  }).observe(stage)

  function update(fresh, setState) {
    const same = data && data.shape === fresh.shape && data.height === fresh.height && data.program === fresh.program
    const before = data
    data = fresh
    tell = fresh.program ? setState : null
    for (const [name, colour] of Object.entries(data.colours)) root.style.setProperty(`--${name}`, colour)
    slider.max = data.stops.length
    const walking = data.stops.length > 0
    for (const name of ['first', 'back', 'play', 'next', 'last']) $(`[data-do=${name}]`).style.display = walking ? '' : 'none'
    slider.style.display = $('.where').style.display = $('.formula').style.display = walking ? '' : 'none'
    root.setAttribute('aria-label', walking
      ? 'Computation graph: Enter runs it, the left and right arrow keys step through it, Tab leads to its nodes'
      : 'Computation graph: Tab leads to its nodes')
    svg.setAttribute('aria-label', data.alt)
    $('.root-name').textContent = data.nodes[data.root].name
    $('.legend').style.display = walking && !data.legend ? '' : 'none'
    const own = $('.own-legend')
    own.style.display = walking && data.legend ? '' : 'none'
    own.querySelector('.v').textContent = data.legend?.[0] ?? ''
    own.querySelector('.g').textContent = data.legend?.[1] ?? ''
    $('[data-do=saved]').style.display = data.legend ? 'none' : ''
    $('.tensors').style.display = data.edges.some((e) => /[⊙J]/.test(e.local)) ? '' : 'none'
    if (same && bounds) {
      ports()
      write()
      drawMap()
      go(atEnd || before.stops.length !== data.stops.length ? data.stops.length : step)
      if (pinned >= 0) show(pinned)
      return
    }
    pause()
    pin(-1)
    quiet = true
    focused = 0
    bounds = null
    $('.formula').style.minHeight = ''
    // opens at the start, unless the person has already seen it run
    told = data.ran ? data.program : ''
    step = data.ran || !data.program ? data.stops.length : 0
    measure()
    if (!bounds) return
    fit(LEAST)
    go(step)
  }
  return { update, pause }
}
