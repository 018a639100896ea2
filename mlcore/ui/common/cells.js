// What the canvases of these pages share: theme, colours, number formats, sizes.

const css = (root, name, fallback) =>
  getComputedStyle(root).getPropertyValue(name).trim() || fallback

function theme(root) {
  return {
    text: css(root, '--st-text-color', '#0a111c'),
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

// A number with a true minus sign, as a power of ten where it is very small or large.
function show(v, digits = 4) {
  if (v === null || v === undefined || !Number.isFinite(v)) return 'not finite'
  const size = Math.abs(v)
  let text
  if (size !== 0 && (size < 1e-3 || size >= 1e5)) {
    const [m, e] = v.toExponential(digits - 2).split('e')
    text = `${m}·10${[...String(Number(e))].map(d => d === '-' ? '⁻' : '⁰¹²³⁴⁵⁶⁷⁸⁹'[d]).join('')}`
  } else text = String(Number(v.toPrecision(digits)))
  return text.replaceAll('-', '−')
}

// "1 cell", "2 cells".
const counted = (count, thing) => `${count} ${thing}${count === 1 ? '' : 's'}`

// A number with so many decimals at most, for narrow cells of a table. What rounds to 0 without
// being 0 keeps its sign and decimals: −0.00.
function decimals(v, places) {
  if (v === null || v === undefined || !Number.isFinite(v)) return '·'
  const fixed = v.toFixed(places)
  return (Number(fixed) === 0 && v !== 0 ? fixed : String(Number(fixed))).replaceAll('-', '−')
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
