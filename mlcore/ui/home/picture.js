// Draws the marks of mlcore.course.pictures as SVG; the unit square becomes 210 × 100.
const NS = 'http://www.w3.org/2000/svg'
const W = 210, H = 100, PAD = 5

export default inOrder(function ({ data, parentElement }) {
  const svg = parentElement.querySelector('svg')
  svg.setAttribute('aria-label', data.alt)
  svg.replaceChildren()
  for (const mark of data.marks) DRAW[mark.kind](svg, mark.numbers, data.colours[mark.colour])
})

const X = (x) => PAD + x * (W - 2 * PAD)
const Y = (y) => H - PAD - y * (H - 2 * PAD)

function make(svg, name, attributes) {
  const element = document.createElementNS(NS, name)
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value)
  svg.append(element)
}

const DRAW = {
  line(svg, numbers, colour) {
    const points = []
    for (let i = 0; i < numbers.length; i += 2) points.push(`${X(numbers[i])},${Y(numbers[i + 1])}`)
    make(svg, 'polyline', { points: points.join(' '), stroke: colour })
  },
  dots(svg, numbers, colour) {
    for (let i = 0; i < numbers.length; i += 2)
      make(svg, 'circle', { cx: X(numbers[i]), cy: Y(numbers[i + 1]), r: 5, fill: colour })
  },
  bars(svg, heights, colour) {
    const [fill] = [].concat(colour)
    const left = W * 0.53, step = (W * 0.47 - PAD) / heights.length
    heights.forEach((height, k) => {
      const high = Math.max(1, height * (H - 2 * PAD))
      make(svg, 'rect', { x: left + k * step, y: H - PAD - high, width: step * 0.75, height: high, fill })
    })
  },
  // as dark as the number is far from 0; below 0 in the second hue, if there is one
  cells(svg, [left, top, width, height, rows, columns, ...values], colour) {
    const [above, below] = [].concat(colour)
    const wide = (width * (W - 2 * PAD)) / columns, high = (height * (H - 2 * PAD)) / rows
    values.forEach((value, i) => {
      if (!value) return
      make(svg, 'rect', {
        x: PAD + left * (W - 2 * PAD) + (i % columns) * wide,
        y: PAD + top * (H - 2 * PAD) + Math.floor(i / columns) * high,
        width: wide, height: high,
        fill: value > 0 ? above : below || above,
        'fill-opacity': Math.min(1, Math.abs(value)),
      })
    })
  },
}
