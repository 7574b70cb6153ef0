// The desk, on top of pages that work without it: Enter goes on as a reader of bar codes expects, nothing is sent into
// a dead network, what was typed survives the end of a lease, two tabs agree, the place in the queue moves by itself.
(function () {
  "use strict";

  var ALIVE = "/healthz";
  var PATIENCE = 4000; // milliseconds that the server has to answer before a form is sent

  function all(selector, inside) {
    return Array.prototype.slice.call((inside || document).querySelectorAll(selector));
  }

  // --- Enter goes on ---------------------------------------------------------------------------------------------

  function empty(field) {
    if (field.type === "checkbox") {
      var group = all('input[name="' + field.name + '"]', field.form);
      return group[0] === field && field.name === "fields" && !group.some(function (one) { return one.checked; });
    }
    return field.required && field.type !== "radio" && !field.value.trim();
  }

  document.addEventListener("keydown", function (event) {
    var field = event.target;
    if (event.key !== "Enter" || !field.matches("form[data-onward] input")) return;
    var fields = all("input:not([type=hidden])", field.form);
    var after = fields.slice(fields.indexOf(field) + 1).filter(empty)[0];
    if (field.type === "radio" || field.type === "checkbox") {
      after = after || fields.filter(function (one) { return one.required && one.type === "text"; }).pop();
    }
    if (!after || after === field) return; // nothing is left to fill in: the form is sent
    event.preventDefault();
    after.focus();
  });

  // --- the offices: arrows move, a letter jumps ------------------------------------------------------------------

  function plain(text) {
    return text.normalize("NFD").replace(/[\u0300-\u036f]/g, "").replace(/đ/gi, "d").toLowerCase().trim();
  }

  document.addEventListener("keydown", function (event) {
    var pick = event.target.closest && event.target.closest("a[data-pick]");
    if (!pick || event.ctrlKey || event.altKey || event.metaKey) return;
    var picks = all("a[data-pick]");
    var at = picks.indexOf(pick), to = null;
    if (event.key === "ArrowRight" || event.key === "ArrowDown") to = picks[at + 1];
    else if (event.key === "ArrowLeft" || event.key === "ArrowUp") to = picks[at - 1];
    else if (/^[a-zđ]$/i.test(event.key)) {
      to = picks.slice(at + 1).concat(picks.slice(0, at + 1)).filter(function (one) {
        return plain(one.querySelector(".place").textContent).indexOf(plain(event.key)) === 0;
      })[0];
    }
    if (to) { event.preventDefault(); to.focus(); }
  });

  // --- nothing is sent into a dead network -----------------------------------------------------------------------

  function alive() {
    if (navigator.onLine === false) return Promise.reject(new Error("offline"));
    var stop = new AbortController();
    var timer = window.setTimeout(function () { stop.abort(); }, PATIENCE);
    return window.fetch(ALIVE, { cache: "no-store", credentials: "omit", signal: stop.signal })
      .finally(function () { window.clearTimeout(timer); });
  }

  function say(form, words, tone) {
    var old = form.querySelector("[data-said]");
    if (old) old.remove();
    if (!words) return;
    var note = document.createElement("div");
    note.className = "note " + tone;
    note.setAttribute("role", tone === "bad" ? "alert" : "status");
    note.dataset.said = tone;
    var text = document.createElement("p");
    text.textContent = words;
    note.appendChild(text);
    form.appendChild(note);
  }

  document.addEventListener("submit", function (event) {
    var form = event.target;
    if (!form.hasAttribute("data-guard") || form.dataset.checked) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    if (form.dataset.checking) return; // a second press while the first is looked into
    form.dataset.checking = "yes";
    var button = event.submitter;
    alive().then(function () {
      say(form, "");
      form.dataset.checked = "yes";
      form.requestSubmit(button || undefined);
    }, function () {
      say(form, form.dataset.offline, "bad");
      if (button) button.focus();
    }).finally(function () { delete form.dataset.checking; });
  }, true);

  window.addEventListener("online", function () {
    all("form[data-guard]").forEach(function (form) {
      if (form.querySelector("[data-said=bad]")) say(form, form.dataset.online, "good");
    });
    beat();
  });
  window.addEventListener("pageshow", function () {
    all("form[data-checked]").forEach(function (form) { delete form.dataset.checked; });
  });

  // --- the end of a lease in the middle --------------------------------------------------------------------------

  function leave(address) {
    var form = all("form[data-keep]").filter(function (one) {
      return all("input, select", one).some(function (field) {
        return field.type !== "hidden" && field.type !== "radio" && field.value.trim();
      });
    })[0];
    if (!form) { window.location.assign(address); return; }
    form.action = form.dataset.keep;
    HTMLFormElement.prototype.submit.call(form);
  }
  window.accessctlLeave = leave; // the countdown of app.js ends here

  // --- the strip: renewed in place, looked at again by every tab -------------------------------------------------

  function strip() { return document.getElementById("strip"); }

  function beat() {
    var now = strip();
    if (now && now.hasAttribute("hx-post") && window.htmx) window.htmx.trigger(now, "beat");
  }

  function standing() {
    var now = strip();
    return now ? now.dataset.lease + " " + now.dataset.state : "none";
  }

  function seen() {
    var now = strip();
    var number = document.querySelector("[data-queue-number]");
    if (now && number && now.dataset.position) number.textContent = now.dataset.position;
    window.accessctlTitle("turn", now && now.dataset.turn ? "● " + now.dataset.turn + " · " : "");
    if (now && now.dataset.leave) { leave(now.dataset.leave); return; }
    if (channel) channel.postMessage(standing());
  }

  document.addEventListener("submit", function (event) {
    var form = event.target;
    if (!form.hasAttribute("data-renew")) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    if (form.dataset.checking) return;
    form.dataset.checking = "yes";
    window.fetch(form.action, {
      method: "POST", body: new FormData(form), credentials: "same-origin", headers: { "HX-Request": "true" }
    }).then(function (answer) {
      return answer.text().then(function (text) {
        if (answer.ok) {
          strip().outerHTML = text;
          window.htmx.process(strip());
          seen();
        } else {
          window.location.reload(); // the page says where things stand
        }
      });
    }).catch(function () {
      var sign = document.querySelector("#strip .strip-offline");
      if (sign) sign.hidden = false;
    }).finally(function () { delete form.dataset.checking; });
  }, true);

  var channel = window.BroadcastChannel ? new BroadcastChannel("accessctl") : null;
  if (channel) {
    channel.onmessage = function (event) {
      if (event.data === standing()) return;
      var choosing = document.querySelector("[data-picks]");
      if (strip()) beat();
      else if (choosing) window.location.reload(); // another tab has borrowed: this one shows it too
    };
  }
  document.addEventListener("visibilitychange", function () { if (!document.hidden) beat(); });
  document.addEventListener("htmx:after:swap", seen);
  document.addEventListener("DOMContentLoaded", seen);
})();
