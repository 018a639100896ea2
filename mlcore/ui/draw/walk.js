// The walk along the gradient's sign: every step was computed by the network, the slider only
// chooses among them, so it answers in the browser.

const SIZE = 160
const kept = new WeakMap()

export default inOrder(function ({data, parentElement: root}) {
  let view = kept.get(root)
  if (!view) kept.set(root, view = new Walk(root))
  view.update(data)
})

class Walk {
  constructor(root) {
    this.host = root.querySelector('.walk')
    this.slider = root.querySelector('input')
    this.output = root.querySelector('output')
    this.button = root.querySelector('button')
    for (const part of ['picture', 'direction', 'course']) {
      this[part] = root.querySelector(`[data-part=${part}]`)
    }
    this.words = root.querySelector('.words')
    this.bars = new Bars(root.querySelector('.run'), 'Probability and output of each class')
    this.slider.oninput = () => this.draw()
    this.button.onclick = () => {
      this.slider.value = this.data.flip
      this.draw()
    }
    this.course.onclick = e => {
      const box = this.course.getBoundingClientRect()
      const {left, right} = this.plot
      this.slider.value = Math.round((e.clientX - box.left - left) / (right - left) * this.last)
      this.draw()
    }
    new ResizeObserver(() => {
      if (this.data && this.host.clientWidth !== this.drawnAt) this.draw()
    }).observe(this.host)
  }

  update(data) {
    const fresh = this.data?.name !== data.name
    this.data = data
    this.last = data.probabilities.length - 1
    this.start = bytesOf(data.start)
    this.signs = new Int8Array(bytesOf(data.direction).buffer)
    this.slider.max = this.last
    if (fresh) this.slider.value = 0
    this.button.disabled = data.flip === null
    this.host.style.setProperty('--more', data.colours.more)
    this.host.style.setProperty('--less', data.colours.less)
    this.draw()
  }

  draw() {
    const d = this.data, level = Number(this.slider.value), look = theme(this.host)
    this.drawnAt = this.host.clientWidth
    const moved = this.start.map((v, i) => Math.max(0, Math.min(255, v + level * this.signs[i])))
    digit(this.picture, moved, 28, SIZE, look)
    this.drawSigns()
    const p = d.probabilities[level], said = d.answers[level]
    this.bars.show(d.classes, p, d.outputs[level], said, d.colour, d.label)
    this.host.dataset.level = level
    this.host.dataset.answer = d.classes[said]
    this.output.textContent = `ε = ${level} of 255 grey levels: read as ${d.classes[said]}, with ${
      percent(p[said])}`
    this.slider.setAttribute('aria-valuetext', this.output.textContent)
    const name = `after ${level} grey levels: read as ${d.classes[said]}`
    this.picture.setAttribute('aria-label', `The picture ${name}`)
    this.words.textContent = d.words
    this.drawCourse(level, look)
  }

  drawSigns() {
    const hues = [rgb(this.data.colours.less), rgb(this.data.colours.more)]
    cells(sized(this.direction, SIZE, SIZE), this.signs.length, 28, SIZE, SIZE,
      i => hues[Number(this.signs[i] > 0)], i => Math.abs(this.signs[i]))
    this.direction.setAttribute('aria-label',
      'For each pixel the sign of the gradient of the loss: more ink or less')
  }

  drawCourse(level, look) {
    const d = this.data, width = Math.max(220, this.drawnAt - 2), height = 190
    const c = sized(this.course, width, height)
    const left = 46, right = width - 90, top = 8, bottom = height - 34
    this.plot = {left, right}
    const X = k => left + (right - left) * k / this.last, Y = p => bottom - (bottom - top) * p
    c.font = `11px ${look.font}`
    c.fillStyle = c.strokeStyle = look.text
    c.textBaseline = 'middle'
    c.textAlign = 'right'
    for (const p of [0, 0.5, 1]) {
      c.globalAlpha = 0.8
      c.fillText(p.toFixed(1), left - 6, Y(p))
      c.globalAlpha = 0.18
      this.line(c, [[left, Y(p)], [right, Y(p)]])
    }
    c.textAlign = 'center'
    c.globalAlpha = 0.8
    const every = width < 420 ? 32 : 16
    for (let k = 0; k <= this.last; k += every) c.fillText(k, X(k), bottom + 11)
    c.fillText('ε in grey levels of 255', (left + right) / 2, bottom + 26)
    c.save()
    c.translate(10, (top + bottom) / 2)
    c.rotate(-Math.PI / 2)
    c.fillText('probability', 0, 0)
    c.restore()
    const lines = [[d.label, d.colour, []], ...d.becomes === null ? [] : [[d.becomes, look.text, [6, 4]]]]
    c.textAlign = 'left'
    const ends = lines.map(([label]) => Y(d.probabilities[this.last][label]))
    if (ends.length === 2 && Math.abs(ends[0] - ends[1]) < 14) {
      const up = ends[0] < ends[1] ? 0 : 1, middle = (ends[0] + ends[1]) / 2
      const kept = Math.max(top + 7, Math.min(bottom - 7, middle))
      ends[up] = kept - 7
      ends[1 - up] = kept + 7
    }
    lines.forEach(([label, colour, dash], n) => {
      c.globalAlpha = 1
      c.strokeStyle = c.fillStyle = colour
      c.lineWidth = 2
      c.setLineDash(dash)
      this.line(c, d.probabilities.map((p, k) => [X(k), Y(p[label])]))
      c.setLineDash([])
      c.beginPath()
      c.arc(X(level), Y(d.probabilities[level][label]), 4.5, 0, 7)
      c.fill()
      c.fillText(`class ${d.classes[label]}`, right + 8, ends[n])
    })
    c.lineWidth = 1
    c.strokeStyle = look.text
    c.globalAlpha = 0.5
    this.line(c, [[X(level), top], [X(level), bottom]])
    c.globalAlpha = 1
    this.course.setAttribute('aria-label', `Lines: probability of class ${
      lines.map(([label]) => d.classes[label]).join(' and of class ')} against ε. ${d.words}`)
  }

  line(c, points) {
    c.beginPath()
    points.forEach(([x, y], i) => i ? c.lineTo(x, y) : c.moveTo(x, y))
    c.stroke()
  }
}
