// The rows of a chart of live runs, as mlcore.charts.training_curves.curve_rows makes them.

const TIPS_A_CURVE = 60
const WORDS = [[1, 'NaN'], [2, '∞'], [4, '−∞']]
const END_COLOUR = '#7d8590'

const smoothed = (values, weight) => {
  let mean = 0, share = 0
  return values.map(value => {
    if (value === null) return null
    mean = weight * mean + (1 - weight) * value
    share = weight * share + (1 - weight)
    return mean / share
  })
}

const above0 = values => values.map(value => value > 0 ? value : null)

const inverted = values => values.map(value => value === null ? null : 1 - value)

// chart: {splits: {train: metric, test: metric}, axis, smoothing, errorRate, positive}
// runs: [{label, colour, dash, curves: {metric: {step, time, value, low, high, odd}}}]
function chartRows(chart, runs, end) {
  const rows = []
  const add = (named, kind, x, value = null, low = null, high = null, tip = false) =>
    rows.push({...named, kind, x, value, low, high, tip})
  const nobody = {run: '', colour: END_COLOUR, dash: '0'}
  add(nobody, 'end', end)
  // a line of one point is not drawn, but it gives the axis an extent
  if (!runs.some(run => Object.values(chart.splits).some(metric => run.curves[metric])))
    add(nobody, 'raw', 0, 1)
  for (const run of runs) {
    const named = {run: run.label, colour: run.colour, dash: run.dash}
    for (const [split, metric] of Object.entries(chart.splits)) {
      const curve = run.curves[metric]
      if (!curve) continue
      const xs = chart.axis === 'step' ? curve.step : curve.time
      let {value, low, high} = curve
      if (chart.positive)
        [value, low, high] = [value, low, high].map(above0)
      if (chart.errorRate)
        [value, low, high] = [inverted(value), inverted(high), inverted(low)]
      if (split === 'train' && high.some((top, i) => top !== null && top > low[i]))
        xs.forEach((x, i) => add(named, 'band', x, value[i], low[i], high[i]))
      if (split === 'train' && chart.smoothing > 0) {
        xs.forEach((x, i) => add(named, 'raw', x, value[i]))
        value = smoothed(value, chart.smoothing)
      }
      const every = split === 'test' ? 1 : Math.max(1, Math.ceil(xs.length / TIPS_A_CURVE))
      const last = (xs.length - 1) % every
      xs.forEach((x, i) => add(named, split, x, value[i], low[i], high[i], i % every === last))
      for (const code of [...new Set(curve.odd)].filter(code => code > 0).sort()) {
        const kind = WORDS.filter(([bit]) => code & bit).map(([, word]) => word).join(', ')
        xs.forEach((x, i) => { if (curve.odd[i] === code) add(named, kind, x) })
      }
    }
  }
  return rows
}
