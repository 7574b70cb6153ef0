// Keeps the bell up to date: asks for the number of unread notices, shows it on the bell and in the title, and says it
// when there are more. Rests while nobody looks, slows down without a network, stops when the session is over.
(function () {
  "use strict";

  var bell = document.getElementById("bell");
  if (!bell || !window.fetch) return;
  var PACE = 20000, SLOWEST = 300000;
  var version = bell.dataset.version;
  var misses = 0, waiting = 0, over = false;

  function entitle() {
    window.accessctlTitle("unread", bell.dataset.count ? "(" + bell.dataset.count + ") " : "");
  }

  // "99+" and "" are numbers too.
  function number(text) { return parseInt(text || "0", 10); }

  function take(text) {
    var fresh = new DOMParser().parseFromString(text, "text/html").getElementById("bell");
    if (!fresh) return;
    var more = number(fresh.dataset.count) > number(bell.dataset.count);
    bell.replaceChildren.apply(bell, Array.from(fresh.childNodes)); // the link itself stays: somebody may stand on it
    bell.dataset.count = fresh.dataset.count;
    version = fresh.dataset.version;
    entitle();
    var said = document.getElementById("bell-said");
    if (said) said.textContent = more ? bell.querySelector(".visually-hidden").textContent : "";
  }

  function answered(answer) {
    if (answer.status === 401 || answer.status === 403) { over = true; return null; }
    if (answer.status !== 200 && answer.status !== 304) throw new Error(String(answer.status));
    misses = 0;
    return answer.status === 200 ? answer.text().then(take) : null;
  }

  function look() {
    window.clearTimeout(waiting);
    if (over || document.hidden) return; // whoever comes back to the page asks at once
    var told = { "HX-Request": "true", "If-None-Match": "\"" + version + "\"" };
    fetch(bell.dataset.live, { headers: told, cache: "no-store", credentials: "same-origin", redirect: "error" })
      .then(answered)
      .catch(function () { misses += 1; })
      .then(function () { if (!over) waiting = window.setTimeout(look, Math.min(PACE * (1 + misses), SLOWEST)); });
  }

  entitle();
  waiting = window.setTimeout(look, PACE);
  document.addEventListener("visibilitychange", look);
})();
