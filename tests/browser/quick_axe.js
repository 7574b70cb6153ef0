// Around axe as it is published: the same answers in two thirds of the time (test_checker.py compares them).
// Its colours keep their parts in WeakMaps, six for each, and it makes tens of thousands: here a property does.
(function (WeakMap) {
/* axe */
})(class QuickWeakMap {
  constructor() {
    this.key = Symbol("kept");
    this.others = new WeakMap();
  }
  get(object) {
    if (object === null || object === undefined) return undefined;
    return this.key in Object(object) ? object[this.key] : this.others.get(object);
  }
  has(object) {
    if (object === null || object === undefined) return false;
    return this.key in Object(object) || this.others.has(object);
  }
  set(object, value) {
    if (Object.isExtensible(object)) object[this.key] = value;
    else this.others.set(object, value);
    return this;
  }
  delete(object) {
    const had = this.has(object);
    if (had) delete object[this.key];
    this.others.delete(object);
    return had;
  }
});
// A page has a dozen colours, read again for each word on it: each is taken apart once.
(function (colour) {
  const parse = colour.parseString, known = new Map();
  colour.parseString = function (text) {
    const parts = known.get(text);
    if (parts) {
      this.r = parts.r;
      this.g = parts.g;
      this.b = parts.b;
      this.alpha = parts.alpha;
    } else {
      parse.call(this, text);
      known.set(text, { r: this.r, g: this.g, b: this.b, alpha: this.alpha });
    }
    return this;
  };
})(axe.commons.color.Color.prototype);
