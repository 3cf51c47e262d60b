// Loaded before a process of the example app: its clock goes ahead by as much as its parent says.
let ahead = Number(process.env.CLOCK_AHEAD ?? 0)
process.on('message', (milliseconds) => {
  ahead = milliseconds
  process.send('moved')
})

const Real = Date
globalThis.Date = class extends Real {
  constructor(...args) {
    if (args.length === 0) super(Real.now() + ahead)
    else super(...args)
  }
  static now() {
    return Real.now() + ahead
  }
}
