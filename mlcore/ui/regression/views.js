// Four linked views of one descent: data, loss surface, slice along w, loss against step.

const MEMORY = new WeakMap() // the export runs again on each change of data or theme

export default inOrder(function ({data, parentElement: root, setTriggerValue}) {
  let views = MEMORY.get(root)
  if (!views) MEMORY.set(root, views = new Views(root))
  views.send = setTriggerValue
  views.update(data)
  return () => views.player.stop()
})

class Views {
  constructor(root) {
    this.root = root
    this.host = root.querySelector('.views')
    this.panels = {}
    for (const figure of root.querySelectorAll('figure')) {
      this.panels[figure.dataset.view] = new Panel(figure)
    }
    this.cache = {}
    this.focus = 0
    this.player = new Player(root, frame => this.draw(frame))
    this.legend = root.querySelector('.legend')
    this.status = root.querySelector('output')
    this.listen()
    new ResizeObserver(() => this.data && this.draw(this.player.frame)).observe(
      root.querySelector('.views'),
    )
    // The host's colours change with its theme, and no data change tells of it.
    new MutationObserver(() => this.data && this.draw(this.player.frame)).observe(
      document.documentElement, {attributes: true, subtree: false},
    )
  }

  update(data) {
    const before = this.data
    const last = data.frames.length - 1
    // Until somebody moves the slider the end is shown, or the last step that is still in view.
    const follows = !before || this.player.frame === this.shownLast
    const step = before ? before.frames[this.player.frame] : 0
    this.data = data
    if (!before || before.series.length !== data.series.length) this.focus = data.focus
    this.moved = null
    const focus = data.series[this.focus].loss
    this.shownLast = Math.max(1, focus.findLastIndex(v => v !== null && v <= data.domain.loss[1]))
    const near = follows ? this.shownLast : data.frames.findLastIndex(s => s <= step)
    this.player.set(this.player.timer ? this.player.frame : Math.max(0, near), last)
    this.title('data', 'Data', data.points.editable && 'click to add or remove')
    this.title('surface', 'Loss surface', data.surface.clickable && 'click to start')
    this.buildLegend()
    this.draw(this.player.frame)
  }

  title(view, name, hint) {
    const caption = this.panels[view].figure.querySelector('figcaption')
    caption.textContent = hint ? `${name}: ${hint}` : name
  }

  buildLegend() {
    const buttons = this.data.series.map((s, i) => {
      const b = document.createElement('button')
      b.type = 'button'
      b.className = 'chip'
      b.style.setProperty('--hue', s.colour)
      b.setAttribute('aria-pressed', String(i === this.focus))
      b.title = 'Show this rate’s squares and tangent'
      b.textContent = `${s.label} η = ${show(s.lr)}`
      b.onclick = () => { this.focus = i; this.buildLegend(); this.draw(this.player.frame) }
      return b
    })
    const theory = document.createElement('span')
    theory.className = 'chip theory'
    theory.textContent = this.data.theory ? 'closed form' : 'least squares'
    this.legend.replaceChildren(...buttons, theory)
  }

  // --- drawing ------------------------------------------------------------------------------

  draw(frame) {
    const d = this.data, look = theme(this.host)
    this.drawData(d, look, frame)
    this.drawSurface(d, look, frame)
    this.drawSlice(d, look, frame)
    this.drawLoss(d, look, frame)
    const s = d.series[this.focus]
    const words = [`step ${d.frames[frame].toLocaleString('en')}`, `loss ${show(s.loss[frame], 6)}`]
    d.names.slice(0, 4).forEach((n, k) => words.push(`${n} ${show(at(s.theta[frame], k), 5)}`))
    this.status.textContent = words.join(' · ')
    this.root.querySelector('.views').dataset.step = d.frames[frame]
    this.root.querySelector('input[type=range]').setAttribute(
      'aria-valuetext', `step ${d.frames[frame]}, loss ${show(s.loss[frame])}`,
    )
  }

  predict(theta, x) {
    const d = this.data, z = (x - d.scaling[0]) / d.scaling[1]
    if (!theta) return null
    const top = d.names.length - (d.intercept ? 1 : 0)
    let y = 0
    for (let k = top - 1; k >= 0; k--) y = (y + theta[k]) * z
    return d.intercept ? y + theta[top] : y
  }

  curve(theta, [low, high]) {
    const n = this.data.names.length > 2 ? 80 : 1
    return Array.from({length: n + 1}, (_, i) => {
      const x = low + (high - low) * i / n
      return [x, this.predict(theta, x)]
    })
  }

  drawData(d, look, frame) {
    const p = this.panels.data, {x, y} = d.domain
    const spec = {
      x: {domain: x, scale: 'linear', label: d.labels.x},
      y: {domain: y, scale: 'linear', label: d.labels.y},
    }
    if (!p.layout(spec, look)) return
    const focus = d.series[this.focus].theta[frame]
    p.clip(c => {
      if (focus && d.points.x.length <= 400) {
        c.fillStyle = c.strokeStyle = d.series[this.focus].colour
        d.points.x.forEach((u, i) => {
          const a = p.y(d.points.y[i]), b = p.y(this.predict(focus, u)), side = Math.abs(b - a)
          if (!(side < p.bottom - p.top)) return
          const left = p.x(u) + side > p.right ? p.x(u) - side : p.x(u)
          c.globalAlpha = 0.05
          c.fillRect(left, Math.min(a, b), side, side)
          c.globalAlpha = 0.22
          c.lineWidth = 1
          c.strokeRect(left, Math.min(a, b), side, side)
        })
        c.globalAlpha = 1
      }
      d.points.x.forEach((u, i) =>
        p.dot(u, d.points.y[i], {colour: look.text, size: 2.6, alpha: 0.55}))
      p.line(this.curve(d.fit.theta, x), {colour: d.colours.theory, dash: d.colours.dash, width: 2})
      for (const s of d.series) {
        if (s.theta[frame]) p.line(this.curve(s.theta[frame], x), {colour: s.colour, width: 2.5})
      }
    })
    p.axes()
    p.canvas.setAttribute('aria-label',
      `${d.points.x.length} points of ${d.labels.y} against ${d.labels.x} with the fitted line at `
      + `step ${d.frames[frame]} and the least-squares line; a click, or arrow keys and Enter, `
      + 'adds or removes a point')
  }

  // The path until it is a whole window's width outside: what follows would only paint over.
  trail(s) {
    const [l, r, b, t] = this.data.surface.window, path = s.theta.map(th => this.place(th))
    const gone = path.findIndex(([u, v]) => u === null || u < 2 * l - r || u > 2 * r - l
      || v < 2 * b - t || v > 2 * t - b)
    return gone < 0 ? path : path.slice(0, gone + 1)
  }

  place(theta) {
    const {slots} = this.data.surface
    return theta ? [at(theta, slots[0]), slots[1] === null ? 0 : at(theta, slots[1])] : [null, null]
  }

  drawSurface(d, look, frame) {
    const p = this.panels.surface, [l, r, b, t] = d.surface.window
    const spec = {
      x: {domain: [l, r], scale: 'linear', label: d.labels.w},
      y: {domain: [b, t], scale: 'linear', label: d.labels.b},
    }
    if (!p.layout(spec, look)) return
    contours(p, d.surface, d.colours.value, this.cache)
    p.clip(() => {
      for (const s of d.series) {
        const path = this.trail(s)
        p.line(path, {colour: s.colour, width: 1, alpha: 0.35})
        p.line(path.slice(0, frame + 1), {colour: s.colour, width: 2})
        path.slice(0, Math.min(frame + 1, 80)).forEach(([u, v]) =>
          p.dot(u, v, {colour: s.colour, size: 2.2, alpha: 0.9}))
      }
      p.cross(...this.place(d.fit.theta), {colour: d.colours.theory})
      const [u, v] = this.moved ?? this.place(d.series[0].theta[0])
      p.dot(u, v, {colour: look.back, size: 5, ring: look.text})
      for (const s of d.series) {
        const [pu, pv] = this.place(s.theta[frame])
        p.dot(pu, pv, {colour: s.colour, size: 5, ring: look.back})
      }
    })
    p.axes()
    const out = d.series.filter(s => {
      const [u, v] = this.place(s.theta[frame])
      return u === null || u < l || u > r || v < b || v > t
    })
    p.caption.textContent = out.length ? `out of view: ${out.map(s => s.label).join(', ')}` : ''
    p.canvas.setAttribute('aria-label', `Loss over ${d.labels.w} and ${d.labels.b} as contours with `
      + `the path up to step ${d.frames[frame]}; a click, or arrow keys and Enter, sets the start`)
  }

  sliceAt(frame) {
    const d = this.data, s = d.series[this.focus], theta = s.theta[frame]
    if (!theta || s.loss[frame] === null) return null
    const [low, high] = d.slice.window, w = theta[0]
    const ws = Array.from({length: 81}, (_, i) => low + (high - low) * i / 80)
    if (d.slice.curvature !== null) {
      return ws.map(u => [u, s.loss[frame] + s.slope[frame] * (u - w)
        + 0.5 * d.slice.curvature * (u - w) ** 2])
    }
    const z = d.points.x.map(x => (x - d.scaling[0]) / d.scaling[1])
    const r = d.points.x.map((x, i) => this.predict(theta, x) - d.points.y[i])
    const cost = d.slice.loss === 'absolute'
      ? Math.abs
      : e => (Math.abs(e) <= d.slice.delta ? 0.5 * e * e
        : d.slice.delta * (Math.abs(e) - 0.5 * d.slice.delta))
    return ws.map(u => {
      let sum = 0
      for (let i = 0; i < r.length; i++) sum += cost(r[i] + (u - w) * z[i])
      return [u, sum / r.length]
    })
  }

  drawSlice(d, look, frame) {
    const p = this.panels.slice, s = d.series[this.focus]
    const spec = {
      x: {domain: d.slice.window, scale: 'linear', label: d.labels.w},
      y: {domain: d.slice.range, scale: 'linear', label: d.labels.loss},
    }
    if (!p.layout(spec, look)) return
    const curve = this.sliceAt(frame), w = at(s.theta[frame], 0), loss = s.loss[frame]
    p.clip(() => {
      // Where the path has been: it bounces from wall to wall where each step overshoots.
      const been = d.frames.slice(0, frame + 1).map((_, i) => [at(s.theta[i], 0), s.loss[i]])
      p.line(been, {colour: s.colour, width: 1, alpha: 0.55})
      been.slice(0, 80).forEach(([u, v]) => p.dot(u, v, {colour: s.colour, size: 2.4, alpha: 0.8}))
      if (!curve) return
      p.line(curve, {colour: s.colour, width: 2.5})
      const [low, high] = d.slice.window, reach = (high - low) * 0.18
      const g = s.slope[frame]
      p.line([[w - reach, loss - g * reach], [w + reach, loss + g * reach]],
        {colour: d.colours.gradient, width: 2.5})
      p.dot(w, loss, {colour: d.colours.gradient, size: 5, ring: look.back})
    })
    p.axes()
    const off = curve === null || w < d.slice.window[0] || w > d.slice.window[1]
      || loss > d.slice.range[1]
    p.caption.textContent = `slope of the tangent ${show(s.slope[frame])}` + (off ? ' (out of view)' : '')
    p.canvas.setAttribute('aria-label', `${d.labels.loss} against ${d.labels.w} at step `
      + `${d.frames[frame]} with its tangent, slope ${show(s.slope[frame])}`)
  }

  drawLoss(d, look, frame) {
    const p = this.panels.loss
    const spec = {
      x: {domain: [0, Math.max(1, d.frames.at(-1))], scale: d.frames.at(-1) > 60 ? 'steps' : 'linear',
        label: 'step'},
      y: {domain: d.domain.loss, scale: 'log', label: d.labels.loss},
    }
    if (!p.layout(spec, look)) return
    p.clip(() => {
      if (d.fit.comparable) {
        p.line([[0, d.fit.loss], [d.frames.at(-1), d.fit.loss]],
          {colour: d.colours.theory, width: 1, alpha: 0.8})
      }
      d.series.forEach(s => {
        const whole = d.frames.map((t, i) => [t, s.loss[i]])
        p.line(whole, {colour: s.colour, width: 1.5, alpha: 0.35})
        p.line(whole.slice(0, frame + 1), {colour: s.colour, width: 2.5})
      })
      d.series.forEach(s => s.theory && p.line(d.frames.map((t, i) => [t, s.theory[i]]),
        {colour: d.colours.theory, dash: d.colours.dash, width: 1.5}))
      d.series.forEach(s =>
        p.dot(d.frames[frame], s.loss[frame], {colour: s.colour, size: 5, ring: look.back}))
    })
    p.axes()
    p.canvas.setAttribute('aria-label', `${d.labels.loss} against step on a log axis; at step `
      + `${d.frames[frame]}: ${d.series.map(s => `${s.label} ${show(s.loss[frame])}`).join(', ')}`)
  }

  // --- pointing -----------------------------------------------------------------------------

  nearest(px, py) {
    const p = this.panels.data, {x, y} = this.data.points
    let best = -1, far = 10
    x.forEach((u, i) => {
      const far2 = Math.hypot(p.x(u) - px, p.y(y[i]) - py)
      if (far2 < far) { far = far2; best = i }
    })
    return best
  }

  listen() {
    const {data: points, surface, slice, loss} = this.panels
    const on = (panel, handler) => {
      panel.canvas.onpointermove = e => {
        const [px, py] = panel.event(e)
        panel.say(px, py, this.data && panel.inside(px, py) ? handler(px, py, e) : null)
      }
      panel.canvas.onpointerleave = () => panel.say(0, 0, null)
      panel.lines = (px, py) => handler(px, py, {buttons: 0})
      panel.redraw = () => this.data && this.draw(this.player.frame)
      panel.live = this.root.querySelector('[role=status]')
    }
    on(points, (px, py) => {
      const d = this.data, i = this.nearest(px, py), [u, v] = points.at(px, py)
      if (i >= 0) {
        const hint = d.points.editable ? ['click to remove'] : []
        return [`${d.labels.x}: ${show(d.points.x[i])}`, `${d.labels.y}: ${show(d.points.y[i])}`, ...hint]
      }
      return d.points.editable ? [`(${show(u)}, ${show(v)})`, 'click to add a point'] : null
    })
    points.canvas.onclick = e => points.act(...points.event(e))
    points.act = (px, py) => {
      if (!this.data.points.editable || !points.inside(px, py)) return
      const i = this.nearest(px, py)
      const spot = points.at(px, py).map(v => Number(v.toPrecision(5)))
      this.send('edit', i >= 0 ? {remove: this.data.points.index[i]} : {add: spot})
    }
    on(surface, (px, py, e) => {
      const [u, v] = surface.at(px, py)
      if (e.buttons & 1 && this.data.surface.clickable) {
        this.moved = [u, v]
        this.draw(this.player.frame)
      }
      const hint = this.data.surface.clickable ? ['click to start here'] : []
      return [`${this.data.labels.w} ${show(u)}, ${this.data.labels.b} ${show(v)}`, ...hint]
    })
    surface.canvas.onpointerup = e => surface.act(...surface.event(e))
    surface.act = (px, py) => {
      if (!this.data.surface.clickable || !surface.inside(px, py)) return
      const [u, v] = surface.at(px, py)
      this.send('start', [Number(u.toPrecision(4)), Number(v.toPrecision(4))])
    }
    on(slice, px => {
      const [u] = slice.at(px, 0), curve = this.sliceAt(this.player.frame)
      if (!curve) return null
      const i = Math.round((u - curve[0][0]) / (curve[80][0] - curve[0][0]) * 80)
      return [`${this.data.labels.w} ${show(curve[i][0])}`, `loss ${show(curve[i][1])}`]
    })
    on(loss, (px, py, e) => {
      const d = this.data, [t] = loss.at(px, py)
      const i = Math.max(0, d.frames.findLastIndex(s => s <= t + 0.5))
      if (e.buttons & 1) { this.player.stop(); this.player.set(i, d.frames.length - 1); this.draw(i) }
      return [`step ${d.frames[i]}`, ...d.series.map(s => `${s.label}: ${show(s.loss[i], 6)}`)]
    })
  }
}

const at = (theta, k) => (theta ? theta[k] : null)
