// A race of optimizers over one surface: contours, paths, minima; a click is a new start.

const MEMORY = new WeakMap() // the export runs again on each change of data or theme

export default inOrder(function ({data, parentElement: root, setTriggerValue}) {
  let race = MEMORY.get(root)
  if (!race) MEMORY.set(root, race = new Race(root))
  race.send = setTriggerValue
  race.update(data)
  return () => race.player.stop()
})

class Race {
  constructor(root) {
    this.host = root.querySelector('.views')
    this.panel = new Panel(root.querySelector('figure'))
    this.title = root.querySelector('figcaption')
    this.legend = root.querySelector('.legend')
    this.status = root.querySelector('output')
    this.cache = {}
    this.hidden = new Set()
    this.player = new Player(root, frame => this.draw(frame))
    this.listen()
    const again = () => this.data && this.draw(this.player.frame)
    new ResizeObserver(again).observe(this.host)
    new MutationObserver(again).observe(document.documentElement, {attributes: true})
  }

  update(data) {
    this.data = data
    this.title.textContent = data.title
    this.player.set(data.frames.length - 1, data.frames.length - 1)
    this.buildLegend()
    this.draw(this.player.frame)
  }

  buildLegend() {
    this.legend.replaceChildren(...this.data.racers.map(r => {
      const b = document.createElement('button')
      b.type = 'button'
      b.className = 'chip'
      b.style.setProperty('--hue', r.colour)
      b.setAttribute('aria-pressed', String(!this.hidden.has(r.name)))
      b.title = 'Show or hide its path'
      b.textContent = r.name
      b.onclick = () => {
        if (!this.hidden.delete(r.name)) this.hidden.add(r.name)
        this.buildLegend()
        this.draw(this.player.frame)
      }
      return b
    }))
  }

  draw(frame) {
    const d = this.data, p = this.panel, look = theme(this.host), [l, r, b, t] = d.surface.window
    const spec = {
      x: {domain: [l, r], scale: 'linear', label: d.axes[0]},
      y: {domain: [b, t], scale: 'linear', label: d.axes[1]},
    }
    const shown = d.racers.filter(racer => !this.hidden.has(racer.name))
    this.host.dataset.step = d.frames[frame]
    this.status.textContent = `step ${d.frames[frame].toLocaleString('en')}`
    if (!p.layout(spec, look)) return
    contours(p, d.surface, d.colours.value, this.cache)
    p.clip(() => {
      d.minima.forEach(m => p.cross(m.x, m.y, {colour: look.text}))
      for (const racer of shown) {
        p.line(racer.points.slice(0, frame + 1), {colour: racer.colour, width: 2, alpha: 0.9})
      }
      p.dot(...d.start, {colour: look.back, size: 5, ring: look.text})
      for (const racer of shown) {
        const [u, v] = racer.points[frame]
        p.dot(u, v, {colour: racer.colour, size: 6, ring: look.back})
      }
    })
    p.axes()
    const out = shown.filter(racer => {
      const [u, v] = racer.points[frame]
      return u === null || u < l || u > r || v < b || v > t
    })
    p.caption.textContent = out.length ? `out of view: ${out.map(o => o.name).join(', ')}` : ''
    p.canvas.setAttribute('aria-label', `${d.title} as contours with the paths of `
      + `${shown.map(s => s.name).join(', ')} up to step ${d.frames[frame]}; a click, or arrow keys and Enter, restarts the race there`)
  }

  listen() {
    const p = this.panel, canvas = p.canvas
    p.live = this.host.querySelector('[role=status]')
    p.redraw = () => this.data && this.draw(this.player.frame)
    p.lines = (px, py) => {
      const [u, v] = p.at(px, py), lines = []
      for (const racer of this.data.racers) {
        const at = racer.points[this.player.frame]
        if (at[0] !== null && Math.hypot(p.x(at[0]) - px, p.y(at[1]) - py) < 9) {
          lines.push(`${racer.name}: f = ${show(racer.values[this.player.frame])}`)
        }
      }
      for (const m of this.data.minima) {
        if (Math.hypot(p.x(m.x) - px, p.y(m.y) - py) < 9) lines.push(`minimum ${m.name}`)
      }
      return [...lines, `(${show(u, 3)}, ${show(v, 3)})`, 'click to start here']
    }
    canvas.onpointermove = e => {
      const [px, py] = p.event(e)
      p.say(px, py, this.data && p.inside(px, py) ? p.lines(px, py) : null)
    }
    p.act = (px, py) => {
      const [u, v] = p.at(px, py)
      this.send('start', [Number(u.toPrecision(4)), Number(v.toPrecision(4))])
    }
    canvas.onpointerleave = () => p.say(0, 0, null)
    canvas.onclick = e => {
      const [px, py] = p.event(e)
      if (p.inside(px, py)) p.act(px, py)
    }
  }
}
