import { expect } from 'chai'
import { hiddenField } from '../../lib/internal/hidden-field.ts'

describe('a hidden field', () => {
  it('has a value of its own on each object, which can be set again, and is on no copy', () => {
    const [field, other] = [hiddenField<string>(), hiddenField<string>()]
    const [object, frozen] = [{ a: 1 }, Object.freeze(() => {})]
    field.set(object, 'first')
    field.set(frozen, 'on what is frozen')
    field.set(object, 'second')
    other.set(object, 'of another field')
    expect([object, frozen].map((owner) => field.get(owner))).to.deep.equal(['second', 'on what is frozen'])
    expect(other.get(object)).to.equal('of another field')
    expect([field.has(object), other.has(frozen)]).to.deep.equal([true, false])
    const copies = [{ ...object }, structuredClone(object), Object.create(object) as object]
    for (const copy of copies) expect([field.has(copy), field.get(copy)]).to.deep.equal([false, undefined])
    expect(Reflect.ownKeys(object)).to.deep.equal(['a'])
  })
})
