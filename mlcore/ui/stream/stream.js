// Receives the points of live runs and draws them into the charts and lines of the page.

const RETRY_MS = [100, 250, 500, 1000, 2000, 5000]
const SILENCE_MS = 12000   // the server says something every 5 s
const PATIENCE_MS = 1500   // a gap as short as this is no reason to poll
const DRAWING_SHARE = 8    // drawing may take an eighth of the time, as training needs the rest
const LONGEST_PAUSE_MS = 250   // what takes longer is slow for others that compute, not by itself
const views = new WeakMap()

// A request sent while the page is being left would bring the old page back, empty.
let leaving = 0
addEventListener('click', event => {
  if (event.target.closest?.('a[href]')) leaving = performance.now()
}, true)
addEventListener('popstate', () => { leaving = performance.now() })

// Vega keeps what it draws at the elements it draws; from there a chart's view is found.
function vegaView(chart) {
  for (const element of chart.querySelectorAll('svg.marks *')) {
    let item = element.__data__
    if (Array.isArray(item)) item = item[0]
    while (item) {
      const group = item.mark?.group
      if (group?.context?.dataflow) return group.context.dataflow
      item = group
    }
  }
  return null
}

const withKey = key => document.querySelector(
  `.st-key-${CSS.escape(key.trim().replace(/[^a-zA-Z0-9_-]/g, '-'))}`)

class LiveView {
  runs = new Map()   // id → {reading, curves, state}
  told = {}
  attempts = 0
  timers = new Set()
  drawnAt = 0
  drawingTook = 0

  constructor() {
    this.retry = () => { if (!this.socket) this.connect() }
    this.woke = () => { if (!document.hidden) { this.look(); this.draw() } }
    addEventListener('online', this.retry)
    document.addEventListener('visibilitychange', this.woke)
    this.watchdog = setInterval(() => this.look(), 2000)
  }

  show(data, setStateValue) {
    const before = this.data && Object.keys(this.data.runs).join()
    Object.assign(this, {data, setStateValue})
    if (!this.socket && !this.waiting) this.connect()
    else if (before !== Object.keys(data.runs).join()) this.ask()
    this.tellMoments()
    this.draw()
  }

  close() {
    this.closed = true
    clearInterval(this.watchdog)
    removeEventListener('online', this.retry)
    document.removeEventListener('visibilitychange', this.woke)
    for (const timer of this.timers) clearTimeout(timer)
    this.drop()
  }

  later(call, ms) {
    const timer = setTimeout(() => { this.timers.delete(timer); if (!this.closed) call() }, ms)
    this.timers.add(timer)
    return timer
  }

  // --- the socket

  connect() {
    clearTimeout(this.waiting)
    this.waiting = null
    const url = new URL(this.data.path, location.href)
    url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:'
    try { this.socket = new WebSocket(url) } catch { return this.lost() }
    const socket = this.socket
    this.heard = Date.now()
    socket.onopen = () => this.ask()
    socket.onmessage = event => { if (socket === this.socket) this.take(event.data) }
    socket.onclose = () => { if (socket === this.socket) this.lost() }
  }

  // After a sleep, or in a network that swallows packets, a socket may look open that is not.
  look() {
    const now = Date.now()
    // the page itself was asleep or busy: what was said meanwhile is still to be read
    if (now - this.lookedAt > 6000) this.heard = Math.max(this.heard, now - SILENCE_MS + 4000)
    this.lookedAt = now
    if (this.socket && Date.now() - this.heard > SILENCE_MS) { this.drop(); this.lost() }
  }

  drop() {
    const socket = this.socket
    this.socket = null
    if (socket) { socket.onmessage = socket.onclose = null; socket.close() }
  }

  lost() {
    this.socket = null
    if (this.closed) return
    const pause = RETRY_MS[Math.min(this.attempts++, RETRY_MS.length - 1)]
    this.waiting = this.later(() => this.connect(), pause * (0.8 + 0.4 * Math.random()))
    this.lostAt ??= Date.now()
    this.later(() => {
      if (this.lostAt && Date.now() - this.lostAt >= PATIENCE_MS) this.tell('connected', false)
    }, PATIENCE_MS)
  }

  ask() {
    if (this.socket?.readyState !== WebSocket.OPEN) return
    const runs = {}
    for (const id of Object.keys(this.data.runs)) {
      const {reading = '', curves = {}} = this.runs.get(id) ?? {}
      const points = Object.entries(curves).map(([name, curve]) => [name, curve.step.length])
      runs[id] = {reading, points: Object.fromEntries(points)}
    }
    this.answered = new Set()
    this.socket.send(JSON.stringify({runs}))
  }

  take(text) {
    this.heard = Date.now()
    const {run: id, reading, whole, curves, state} = JSON.parse(text)
    if (!id) return
    if (whole || !this.runs.has(id)) this.runs.set(id, {curves: {}})
    const run = this.runs.get(id)
    Object.assign(run, {reading, state})
    for (const [name, added] of Object.entries(curves)) {
      const {step, time, value, low = value, high = value} = added
      const odd = added.odd ?? step.map(() => 0)
      const known = run.curves[name] ??= {step: [], time: [], value: [], low: [], high: [], odd: []}
      for (const [column, values] of Object.entries({step, time, value, low, high, odd}))
        known[column].push(...values)
    }
    this.answered.add(id)
    if (Object.keys(this.data.runs).every(id => this.answered.has(id))) {
      this.attempts = 0
      this.lostAt = null
      this.tell('connected', true)
    }
    this.tellMoments()
    this.draw()
  }

  // --- the page

  tellMoments() {
    const {moments} = this.data
    const now = Object.fromEntries(Object.keys(this.data.runs).map(id =>
      [id, this.runs.get(id)?.state?.moment ?? moments[id]]))
    if (Object.entries(now).some(([id, moment]) => moment !== moments[id]))
      this.tell('moment', JSON.stringify(now))
  }

  tell(name, value) {
    if (this.closed || this.told[name] === value) return
    const wait = 2000 - (performance.now() - leaving)
    if (leaving && wait > 0) { this.later(() => this.tell(name, value), wait); return }
    this.told[name] = value
    this.setStateValue(name, value)
  }

  // --- drawing

  draw() {
    this.stale = true
    if (this.drawing || this.closed || document.hidden) return
    const rest = Math.min(LONGEST_PAUSE_MS, (DRAWING_SHARE - 1) * this.drawingTook)
    const pause = this.drawnAt + rest - performance.now()
    this.drawing = true
    this.later(() => requestAnimationFrame(() => this.drawNow()), Math.max(0, pause))
  }

  async drawNow() {
    const began = performance.now()
    this.stale = false
    try {
      if (!this.closed) {
        this.drawLines()
        await this.drawCharts()
      }
    } finally {
      this.drawing = false
      this.drawnAt = performance.now()
      this.drawingTook = this.drawnAt - began
    }
    if (this.stale) this.draw()
  }

  async drawCharts() {
    const ids = Object.keys(this.data.runs)
    if (!ids.some(id => this.runs.get(id)?.reading)) return
    const states = ids.map(id => this.runs.get(id)?.state ?? {})
    const runs = ids.map(id => ({...this.data.runs[id], curves: this.runs.get(id)?.curves ?? {}}))
    for (const chart of this.data.charts) {
      const view = vegaView(withKey(chart.key) ?? document.createElement('div'))
      if (!view) continue
      const ends = states.map(state => (chart.axis === 'step' ? state.total : state.seconds) ?? 0)
      view.data('source', chartRows(chart, runs, Math.max(0, ...ends) || 1))
      await view.runAsync()
    }
  }

  drawLines() {
    for (const [id, {state}] of this.runs) {
      if (!state.line) continue
      const key = `${this.data.key}.${id}`
      const text = withKey(key)?.querySelector('[data-testid=stCaptionContainer] p')?.firstChild
      const words = this.data.short ? state.short : state.line
      if (text?.nodeType === Node.TEXT_NODE && text.nodeValue !== words) text.nodeValue = words
      const bar = withKey(`${key}.bar`)?.querySelector('[role=progressbar]')
      if (!bar) continue
      const percent = Math.round(100 * state.progress)
      bar.setAttribute('aria-valuenow', percent)
      bar.setAttribute('aria-valuetext', `${percent}%`)
      const filled = bar.querySelector('[data-testid=stProgressBarTrack] > div')
      if (filled) filled.style.transform = `translateX(-${100 - percent}%)`
    }
  }
}

export default inOrder(function ({data, parentElement, setStateValue}) {
  if (!views.has(parentElement)) views.set(parentElement, new LiveView())
  const view = views.get(parentElement)
  const turn = view.turn = (view.turn ?? 0) + 1
  view.show(data, setStateValue)
  // called for an earlier turn as well, if a later one overtook it
  return () => { if (view.turn === turn) { view.close(); views.delete(parentElement) } }
})
