const strips = new WeakMap()

export default inOrder(function ({data, parentElement: root, setTriggerValue}) {
  let strip = strips.get(root)
  if (!strip) strips.set(root, strip = new DigitStrip(root))
  strip.update(data, index => setTriggerValue('digit', index))
})

// Real digits in a row, one of them chosen: a group of radio buttons, one of which takes the focus.
class DigitStrip {
  constructor(root) {
    this.box = root.querySelector('.strip')
    this.box.onkeydown = e => this.key(e)
  }

  update(data, send) {
    this.send = send
    if (data.pixels !== this.pixels) this.build(data)
    this.mark(data.chosen)
  }

  build(data) {
    this.pixels = data.pixels
    this.digits = data.digits
    const bytes = Uint8Array.from(atob(data.pixels), c => c.charCodeAt(0)), side = 28
    this.box.replaceChildren(...data.digits.map(({index, label}, place) => {
      const button = document.createElement('button'), canvas = document.createElement('canvas')
      button.type = 'button'
      button.setAttribute('role', 'radio')
      button.setAttribute('aria-label', `a ${label}, test image ${index}`)
      button.title = `Test image ${index}: a ${label}`
      button.onclick = () => this.choose(place)
      canvas.width = canvas.height = side
      canvas.setAttribute('aria-hidden', 'true')
      const pen = canvas.getContext('2d'), image = pen.createImageData(side, side)
      for (let i = 0; i < side * side; i++) {
        image.data.fill(bytes[place * side * side + i], 4 * i, 4 * i + 3)
        image.data[4 * i + 3] = 255
      }
      pen.putImageData(image, 0, 0)
      button.append(canvas)
      return button
    }))
  }

  mark(index) {
    this.chosen = Math.max(0, this.digits.findIndex(digit => digit.index === index))
    ;[...this.box.children].forEach((button, place) => {
      const on = place === this.chosen
      button.setAttribute('aria-checked', String(on))
      button.tabIndex = on ? 0 : -1
    })
    const {offsetLeft, offsetWidth} = this.box.children[this.chosen]
    const {scrollLeft, clientWidth} = this.box, start = offsetLeft - this.box.offsetLeft
    if (start < scrollLeft) this.box.scrollLeft = start - 8
    else if (start + offsetWidth > scrollLeft + clientWidth) {
      this.box.scrollLeft = start + offsetWidth - clientWidth + 8
    }
  }

  choose(place) {
    this.mark(this.digits[place].index)
    this.send(this.digits[place].index)
  }

  key(e) {
    const last = this.digits.length - 1
    const place = {ArrowLeft: this.chosen - 1, ArrowUp: this.chosen - 1, ArrowRight: this.chosen + 1,
      ArrowDown: this.chosen + 1, Home: 0, End: last}[e.key]
    if (place === undefined) return
    e.preventDefault()
    this.choose((place + last + 1) % (last + 1))
    this.box.children[this.chosen].focus()
  }
}
