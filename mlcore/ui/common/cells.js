// What the tensor grid and the convolution window share: theme, colours, numbers, crisp canvases.

const css = (root, name, fallback) =>
  getComputedStyle(root).getPropertyValue(name).trim() || fallback

function theme(root) {
  return {
    text: css(root, '--st-text-color', '#1b2430'),
    back: css(root, '--st-background-color', '#ffffff'),
    line: css(root, '--st-border-color', '#d6dce4'),
    font: css(root, '--st-font', 'sans-serif'),
  }
}

const channels = hex => [1, 3, 5].map(i => parseInt(hex.slice(i, i + 2), 16))

// A colour for v in [−1, 1]: interpolated between the stops, left to right.
function ramp(stops, v) {
  if (v === null || Number.isNaN(v)) return '#7d8590'
  const at = (Math.max(-1, Math.min(1, v)) + 1) / 2 * (stops.length - 1)
  const i = Math.min(stops.length - 2, Math.floor(at)), u = at - i
  const a = channels(stops[i]), b = channels(stops[i + 1])
  return `rgb(${a.map((c, k) => Math.round(c + (b[k] - c) * u)).join()})`
}

// Numbers as a reader likes them: a true minus, powers of ten where zeros would blur.
function show(v, digits = 4) {
  if (v === null || v === undefined || Number.isNaN(v)) return 'NaN'
  const size = Math.abs(v)
  let text
  if (size !== 0 && (size < 1e-3 || size >= 1e5)) {
    const [m, e] = v.toExponential(digits - 2).split('e')
    text = `${m}·10${[...String(Number(e))].map(d => d === '-' ? '⁻' : '⁰¹²³⁴⁵⁶⁷⁸⁹'[d]).join('')}`
  } else text = String(Number(v.toPrecision(digits)))
  return text.replaceAll('-', '−')
}

// A canvas of a size in CSS pixels, drawn in device pixels.
function sized(canvas, width, height) {
  const ratio = window.devicePixelRatio || 1
  const w = Math.round(width * ratio), h = Math.round(height * ratio)
  if (canvas.width !== w || canvas.height !== h) {
    canvas.width = w
    canvas.height = h
    canvas.style.width = `${width}px`
    canvas.style.height = `${height}px`
  }
  const c = canvas.getContext('2d')
  c.setTransform(ratio, 0, 0, ratio, 0, 0)
  c.clearRect(0, 0, width, height)
  return c
}

const largest = values => values.reduce((m, v) => (v === null ? m : Math.max(m, Math.abs(v))), 0)
