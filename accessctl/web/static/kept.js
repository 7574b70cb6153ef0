// A form that comes back after the session had ended: fills the controls that the server did not fill itself.
(function () {
  "use strict";

  function fill(form, fields) {
    var used = {};
    fields.forEach(function (field) {
      var name = field.dataset.name;
      var value = field.dataset.value;
      var controls = Array.from(form.elements).filter(function (one) { return one.name === name; });
      controls.forEach(function (one) {
        if (one.type === "hidden" || one.type === "password" || one.type === "file") return;
        if (one.type === "checkbox" || one.type === "radio") {
          if (!used[name]) one.checked = false;
          if (one.value === value) one.checked = true;
        } else {
          one.value = value;
        }
      });
      used[name] = true;
    });
  }

  var kept = document.getElementById("kept");
  var fields = Array.from(kept.querySelectorAll("[data-name]"));
  document.querySelectorAll("form[method=post]").forEach(function (form) {
    if (new URL(form.action, window.location.href).pathname === kept.dataset.action) fill(form, fields);
  });
})();
