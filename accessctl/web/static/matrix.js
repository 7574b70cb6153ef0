// Keeps the matrix up to date: asks for what has changed, replaces only the cells that differ, rests while nobody looks.
(function () {
  "use strict";

  var live = document.getElementById("live");
  if (!live || !window.fetch) return;
  var PACE = 1300; // with the 0.3 s that the server keeps its picture, a change shows within 2 s, on a busy server too
  var version = live.dataset.version;
  var misses = 0;

  function show(id, yes) {
    var sign = document.getElementById(id);
    if (sign) sign.hidden = !yes;
  }

  function lost(ended) {
    var off = document.getElementById("live-off");
    if (off) {
      off.querySelector("[data-lost]").hidden = ended;
      off.querySelector("[data-ended]").hidden = !ended;
    }
    show("live-off", true);
    show("live-on", false);
  }

  // One element is put in place of another; who stood on a link inside it still stands there.
  function put(old, fresh) {
    var stood = old.contains(document.activeElement);
    old.replaceWith(fresh);
    if (stood) (fresh.querySelector("a") || fresh).focus();
  }

  function take(text) {
    var page = new DOMParser().parseFromString(text, "text/html");
    ["#sums", "#busy"].forEach(function (which) {
      var old = live.querySelector(which), fresh = page.querySelector(which);
      if (old && fresh && old.innerHTML !== fresh.innerHTML) old.innerHTML = fresh.innerHTML;
    });
    page.querySelectorAll("#square [id]").forEach(function (fresh) {
      var old = document.getElementById(fresh.id);
      if (!old) { window.location.reload(); return; }
      if (old.outerHTML === fresh.outerHTML) return;
      put(old, fresh);
      fresh.classList.add("changed");
      window.setTimeout(function () { fresh.classList.remove("changed"); }, 2500);
    });
  }

  function answered(answer) {
    if (answer.status === 401) { lost(true); return null; }
    if (answer.status !== 200 && answer.status !== 304) throw new Error(String(answer.status));
    misses = 0;
    show("live-off", false);
    show("live-on", true);
    if (answer.status === 304) return again();
    version = (answer.headers.get("ETag") || "").replace(/^W\//, "").replace(/"/g, "");
    return answer.text().then(take).then(again);
  }

  function look() {
    if (document.hidden) return again();
    var told = { "HX-Request": "true", "If-None-Match": "\"" + version + "\"" };
    return fetch(live.dataset.live, { headers: told, cache: "no-store", credentials: "same-origin" })
      .then(answered)
      .catch(function () { misses += 1; lost(false); again(); });
  }

  function again() {
    window.setTimeout(look, Math.min(PACE * (1 + misses), 8000));
  }

  again();
})();
