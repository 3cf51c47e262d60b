/** Values that belong to objects, as in a WeakMap. */
interface HiddenField<Value> {
  has(object: object): boolean
  get(object: object): Value | undefined
  set(object: object, value: Value): void
}

/** A constructor that returns the object that it gets: the private fields of a subclass are then on that object. */
const Itself = function (object: object): object {
  return object
} as unknown as new (object: object) => object

/**
 * A private field on objects of any class: nobody else sees or sets it, and no copy has it. It costs a tenth of a WeakMap, which slows the
 * garbage collector.
 */
export function hiddenField<Value>(): HiddenField<Value> {
  class Holder extends Itself {
    #value: Value

    constructor(object: object, value: Value) {
      super(object)
      this.#value = value
    }

    static has = (object: object): boolean => #value in object
    static get = (object: object): Value | undefined => (#value in object ? object.#value : undefined)
    static set(object: object, value: Value): void {
      if (#value in object) object.#value = value
      else void new Holder(object, value)
    }
  }
  return Holder
}
