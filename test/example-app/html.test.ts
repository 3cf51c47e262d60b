import { expect } from 'chai'
// By another name, under which the formatter leaves the templates as they are.
import { html as escaped } from '../../example-app/demo/html.ts'

describe('The HTML of the example app', () => {
  it('lets no value out of its place: an element, or an attribute in quotes of either kind', () => {
    const value = `"><img src=x onerror='alert(1)'>&`
    const safe = '&quot;&gt;&lt;img src=x onerror=&#39;alert(1)&#39;&gt;&amp;'
    expect(escaped`<p title="${value}" class='${value}'>${value}</p>`.markup).to.equal(
      `<p title="${safe}" class='${safe}'>${safe}</p>`,
    )
  })

  it('escapes each value of a list, and leaves markup of its own as it is', () => {
    const { markup } = escaped`<ul>${['<a>', escaped`<li>${'<b>'}</li>`, null, false, undefined, 0]}</ul>`
    expect(markup).to.equal('<ul>&lt;a&gt;<li>&lt;b&gt;</li>0</ul>')
  })
})
