// Classes as rows: name, bar, probability, output. Rows are made once and then only moved.

class Bars {
  constructor(host, alt) {
    this.host = host
    this.table = document.createElement('table')
    this.table.className = 'bars'
    this.table.setAttribute('aria-label', alt)
    const head = this.table.createTHead().insertRow()
    for (const [name, title] of [['', ''], ['probability', 'From 0 to 1; all sum to 1'], ['', ''],
      ['output', 'Output of the last layer (logit)']]) {
      const cell = document.createElement('th')
      cell.textContent = name
      cell.title = title
      head.append(cell)
    }
    this.body = this.table.createTBody()
    host.append(this.table)
  }

  show(classes, probabilities, outputs, answer, colour, marked = null) {
    if (classes.join('\n') !== this.names) this.build(classes)
    this.table.style.setProperty('--hue', colour)
    this.rows.forEach((row, i) => {
      row.fill.style.width = `${(100 * probabilities[i]).toFixed(2)}%`
      row.chance.textContent = answer === null ? '–' : percent(probabilities[i])
      row.output.textContent = answer === null ? '–' : show(outputs[i], 3)
      row.line.classList.toggle('answer', i === answer)
      row.line.classList.toggle('marked', i === marked)
      row.line.title = answer === null ? '' : `Class ${classes[i]}: probability ${probabilities[i].toFixed(4)}, output ${
        show(outputs[i], 4)}`
    })
  }

  build(classes) {
    this.names = classes.join('\n')
    this.rows = classes.map(name => {
      const line = document.createElement('tr'), [label, track, chance, output] =
        ['name', 'track', 'chance', 'output'].map(kind => {
          const cell = document.createElement('td')
          cell.className = kind
          line.append(cell)
          return cell
        })
      const fill = document.createElement('i')
      label.textContent = name
      track.append(fill)
      return {line, fill, chance, output}
    })
    this.body.replaceChildren(...this.rows.map(row => row.line))
  }
}

const percent = p => `${(100 * p).toFixed(p > 0.9995 || p < 0.0005 ? 0 : 1)} %`
