/* Makes the report form handier; everything works without it, only with larger photos. */
(function () {
  "use strict";
  var form = document.getElementById("report");
  var send = document.getElementById("send");
  var input = document.getElementById("photo");
  var problem = document.getElementById("problem");
  var LONGEST = 1920;
  if (problem) problem.focus();

  // Name and contact are remembered on this phone only.
  ["name", "contact"].forEach(function (id) {
    var field = document.getElementById(id);
    try {
      if (!field.value) field.value = localStorage.getItem("fettle." + id) || "";
      field.addEventListener("change", function () { localStorage.setItem("fettle." + id, field.value.trim()); });
    } catch (e) { /* storage is switched off */ }
  });

  // A second tap does nothing; coming back to this page makes a new report possible.
  // Sent while a photo is still being reduced, the form goes as soon as that is done.
  var sent = false, waiting = false, busy = 0;
  form.addEventListener("submit", function (event) {
    if (sent || busy) event.preventDefault();
    if (busy) waiting = true; else sent = true;
    send.setAttribute("aria-disabled", "true");
    send.textContent = send.dataset.busy;
  });
  window.addEventListener("pageshow", function (event) {
    if (event.persisted && sent) location.reload();
  });

  // What others did about the same is shown while one types.
  var help = document.getElementById("help"), text = document.getElementById("text");
  var timer = 0, asked = "";
  function ask() {
    var words = text.value.trim();
    if (words === asked || words.length < 2) return;
    asked = words;
    fetch(help.dataset.from + "?text=" + encodeURIComponent(words.slice(0, 500)))
      .then(function (answer) { return answer.ok ? answer.json() : []; })
      .then(function (found) {
        while (help.children.length > 1) help.lastChild.remove();
        found.forEach(function (article) {
          var box = document.createElement("details"), title = document.createElement("summary");
          var remedy = document.createElement("p");
          title.textContent = article.title;
          remedy.textContent = article.remedy;
          box.append(title, remedy);
          help.append(box);
        });
        help.hidden = !found.length;
      })
      .catch(function () { /* without help one reports as always */ });
  }
  if (help && window.fetch) text.addEventListener("input", function () { clearTimeout(timer); timer = setTimeout(ask, 400); });

  if (!input || !window.DataTransfer || !window.URL || !HTMLCanvasElement.prototype.toBlob) return;
  var list = document.getElementById("photos");
  var most = Number(list.dataset.most);
  var photos = [];
  var choose = document.getElementById("choose");
  choose.hidden = false;

  function reduced(file) {
    return new Promise(function (done) {
      var url = URL.createObjectURL(file), image = new Image();
      image.onerror = function () { URL.revokeObjectURL(url); done(file); };
      image.onload = function () {
        var scale = Math.min(1, LONGEST / Math.max(image.naturalWidth, image.naturalHeight));
        var canvas = document.createElement("canvas");
        canvas.width = Math.round(image.naturalWidth * scale);
        canvas.height = Math.round(image.naturalHeight * scale);
        canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
        URL.revokeObjectURL(url);
        canvas.toBlob(function (blob) {
          if (!blob || blob.size >= file.size) { done(file); return; }
          done(new File([blob], file.name.replace(/\.\w+$/, "") + ".jpg", { type: "image/jpeg" }));
        }, "image/jpeg", 0.82);
      };
      image.src = url;
    });
  }

  function draw() {
    var files = new DataTransfer();
    list.textContent = "";
    photos.forEach(function (file, index) {
      files.items.add(file);
      var box = document.createElement("div"), image = new Image(), remove = document.createElement("button");
      image.src = URL.createObjectURL(file);
      image.alt = "";
      image.onload = function () { URL.revokeObjectURL(image.src); };
      remove.type = "button";
      remove.setAttribute("aria-label", list.dataset.remove);
      remove.onclick = function () { photos.splice(index, 1); draw(); };
      box.append(image, remove);
      list.append(box);
    });
    input.files = files.files;
    var full = photos.length >= most;
    document.getElementById("take").hidden = full;
    choose.hidden = full;
  }

  function add(from) {
    var files = Array.prototype.slice.call(from.files, 0, most - photos.length);
    if (from !== input) from.value = "";
    busy += 1;
    Promise.all(files.map(reduced)).then(function (ready) {
      photos = photos.concat(ready).slice(0, most);
      draw();
    }).then(function () {
      busy -= 1;
      if (waiting && !busy && !sent) { sent = true; form.submit(); }
    });
  }
  input.addEventListener("change", function () { add(input); });
  document.getElementById("album").addEventListener("change", function () { add(this); });
})();
