/* Keeps the progress page fresh while it is looked at, and a note from being sent twice. */
(function () {
  "use strict";
  var opened = Date.now();
  document.querySelectorAll("form").forEach(function (form) {
    form.addEventListener("submit", function (event) {
      if (form.dataset.sent) event.preventDefault();
      form.dataset.sent = "1";
    });
  });
  document.addEventListener("visibilitychange", function () {
    var typed = Array.prototype.some.call(document.querySelectorAll("textarea"), function (t) { return t.value; });
    if (!document.hidden && !typed && Date.now() - opened > 30000) location.replace(location.pathname);
  });
})();
