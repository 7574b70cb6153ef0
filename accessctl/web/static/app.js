// What a script adds to pages that work without it: countdown, title, one press per button, Esc for back, printing.
(function () {
  "use strict";

  document.documentElement.classList.add("scripted");

  // What the window's title says before the page's own: one's turn in a queue, else how many notices are unread.
  var plain = document.title, before = {};
  window.accessctlTitle = function (what, words) {
    before[what] = words;
    document.title = (before.turn || before.unread || "") + plain;
  };

  // The server's clock decides; this is how far the machine's own clock is off, in milliseconds.
  function offset(strip) {
    return Date.parse(strip.dataset.now) - Number(strip.dataset.seen);
  }

  function words(strip, seconds) {
    var minutes = Math.floor(seconds / 60);
    var rest = String(seconds % 60).padStart(2, "0");
    return strip.dataset.left.replace("0:00", minutes + ":" + rest);
  }

  // The time is over. Where somebody works with a person's data the page goes; elsewhere only the strip says so.
  function over(strip) {
    if (!strip.dataset.after) { if (window.htmx) window.htmx.trigger(strip, "beat"); return; }
    (window.accessctlLeave || function (address) { window.location.assign(address); })(strip.dataset.after);
  }

  function tick() {
    var strip = document.querySelector("#strip[data-expires]");
    if (!strip) return;
    if (!strip.dataset.seen) strip.dataset.seen = String(Date.now());
    var now = Date.now() + offset(strip);
    var left = Math.max(0, Math.ceil((Date.parse(strip.dataset.expires) - now) / 1000));
    strip.querySelector(".strip-time").textContent = words(strip, left);
    strip.querySelector(".strip-bar").value = left;
    strip.classList.toggle("low", left < Number(strip.dataset.low));
    if (left === 0 && !strip.dataset.over) {
      strip.dataset.over = "yes";
      window.setTimeout(function () { over(strip); }, 1500);
    }
  }

  // A second press while the first is under way does nothing; coming back to the page frees the button.
  document.addEventListener("submit", function (event) {
    var form = event.target;
    if (form.hasAttribute("data-again")) return; // a file: the page stays, and so does the button
    if (form.dataset.sent) { event.preventDefault(); return; }
    form.dataset.sent = "yes";
    form.querySelectorAll("[data-while]").forEach(function (sign) { sign.hidden = false; }); // what takes some seconds
    form.querySelectorAll("button[type=submit]").forEach(function (button) {
      button.setAttribute("aria-disabled", "true");
    });
  });
  window.addEventListener("pageshow", function () {
    document.querySelectorAll("form[data-sent]").forEach(function (form) {
      delete form.dataset.sent;
      form.querySelectorAll("[data-while]").forEach(function (sign) { sign.hidden = true; });
      form.querySelectorAll("button[aria-disabled]").forEach(function (button) {
        button.removeAttribute("aria-disabled");
      });
    });
  });

  document.addEventListener("keydown", function (event) {
    if (event.key !== "Escape") return;
    var menu = document.querySelector("details.drop[open]");
    if (menu) { menu.open = false; menu.querySelector("summary").focus(); return; }
    var back = document.querySelector("a[data-back]");
    if (back) window.location.assign(back.href);
  });

  document.addEventListener("click", function (event) {
    if (event.target.closest("[data-print]")) window.print();
    document.querySelectorAll("details.drop[open]").forEach(function (menu) {
      if (!menu.contains(event.target)) menu.open = false;
    });
  });

  // A dead network is normal life: say so on the strip, and say when it is back.
  function connected(yes) {
    var sign = document.querySelector("#strip .strip-offline");
    if (sign) sign.hidden = yes;
  }
  document.addEventListener("htmx:error", function () { connected(false); });
  document.addEventListener("htmx:response:error", function () { connected(false); });
  document.addEventListener("htmx:after:swap", tick);

  // On a telephone the sections stand in a row that scrolls: the one that is open is in sight.
  function inSight() {
    var row = document.querySelector("nav.side"), here = row && row.querySelector("[aria-current]");
    if (here) row.scrollLeft = here.offsetLeft - row.offsetLeft - (row.clientWidth - here.offsetWidth) / 2;
  }
  document.addEventListener("DOMContentLoaded", inSight);
  window.addEventListener("resize", inSight);

  window.setInterval(tick, 1000);
  document.addEventListener("DOMContentLoaded", tick);
})();
