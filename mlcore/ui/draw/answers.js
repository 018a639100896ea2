// The 28 × 28 pixels and, run beside run, the bars of what each network says of them.

const SIZE = 140
const kept = new WeakMap()

export default inOrder(function ({data, parentElement: root}) {
  let view = kept.get(root)
  if (!view) kept.set(root, view = new Answers(root))
  view.update(data)
})

class Answers {
  constructor(root) {
    this.host = root.querySelector('.answers')
    this.canvas = root.querySelector('canvas')
    this.say = root.querySelector('.say')
    this.runs = root.querySelector('.runs')
    this.panels = new Map()
    this.canvas.onpointermove = e => this.point(pixelAt(e, this.canvas, 28, 28))
    this.canvas.onpointerleave = () => this.point(null)
    this.canvas.onkeydown = e => {
      const at = stepped(e, this.at, 28, 28)
      if (at) this.point(at)
    }
    this.canvas.onfocus = () => { this.say.ariaLive = 'polite' } // not while somebody draws
    this.canvas.onblur = () => {
      this.say.ariaLive = 'off'
      this.point(null)
    }
  }

  update(data) {
    this.data = data
    this.pixels = data.pixels ? bytesOf(data.pixels) : new Uint8Array(784)
    this.canvas.setAttribute('aria-label',
      `28 by 28 pixels: ${data.words}. Arrow keys move from pixel to pixel.`)
    this.point(this.canvas.matches(':focus') ? this.at : null)
    for (const [id, panel] of this.panels) {
      if (!data.runs.some(run => run.id === id)) {
        panel.host.remove()
        this.panels.delete(id)
      }
    }
    for (const run of data.runs) this.panel(run).show(run)
    this.host.dataset.answered = data.n
  }

  point(at) {
    const look = theme(this.host)
    this.at = at
    digit(this.canvas, this.pixels, 28, SIZE, look)
    if (at) frame(this.canvas.getContext('2d'), at, SIZE / 28, look)
    this.say.textContent = at
      ? `row ${at[0]}, column ${at[1]}: ${this.pixels[28 * at[0] + at[1]]} of 255`
      : this.data.words
  }

  panel(run) {
    let panel = this.panels.get(run.id)
    if (!panel) this.panels.set(run.id, panel = new Panel(run))
    this.runs.append(panel.host) // in the order given
    return panel
  }
}

class Panel {
  constructor(run) {
    this.host = document.createElement('section')
    this.host.className = 'run'
    this.host.innerHTML = '<h4><i></i><span></span></h4><p class="verdict" aria-live="polite">'
      + '<b></b><span></span></p>'
    this.bars = new Bars(this.host, `Probability and output of each class, run ${run.name}`)
    this.rule = document.createElement('p')
    this.rule.className = 'rule'
    this.host.append(this.rule)
  }

  show(run) {
    const [name, verdict] = this.host.querySelectorAll('span')
    this.host.style.setProperty('--hue', run.colour)
    this.host.dataset.run = run.id
    name.textContent = run.name
    name.title = run.name
    const empty = run.answer === null
    this.host.querySelector('b').textContent = empty ? '–' : run.classes[run.answer]
    this.host.dataset.answer = empty ? '' : run.classes[run.answer]
    verdict.textContent = empty ? 'nothing to read yet' : `with ${percent(run.probabilities[run.answer])}`
    this.bars.show(run.classes, run.probabilities, run.outputs, run.answer, run.colour)
    this.rule.textContent = run.rule
  }
}
