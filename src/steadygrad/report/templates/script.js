(function () {
  "use strict";
  var root = document.documentElement, theme = document.getElementById("theme");
  function dark() {
    return root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  }
  function label() {
    theme.textContent = dark() ? "Light theme" : "Dark theme";
    theme.setAttribute("aria-pressed", String(dark()));
  }
  theme.addEventListener("click", function () { root.dataset.theme = dark() ? "light" : "dark"; label(); });
  label();

  var tip = document.getElementById("tip");
  document.addEventListener("mousemove", function (event) {
    var text = event.target.getAttribute && event.target.getAttribute("data-tip");
    tip.hidden = !text;
    if (text) {
      tip.textContent = text;
      tip.style.left = Math.min(event.clientX + 14, innerWidth - 350) + "px";
      tip.style.top = event.clientY + 14 + "px";
    }
  });
  document.querySelectorAll("svg[tabindex]").forEach(function (svg) {
    var at = -1;
    svg.addEventListener("keydown", function (event) {
      if (event.key !== "ArrowRight" && event.key !== "ArrowLeft") return;
      var marks = svg.querySelectorAll("[data-tip]");
      if (!marks.length) return;
      at = (at + (event.key === "ArrowRight" ? 1 : marks.length - 1)) % marks.length;
      var box = marks[at].getBoundingClientRect();
      tip.textContent = marks[at].getAttribute("data-tip");
      tip.hidden = false;
      tip.style.left = Math.min(box.left + 10, innerWidth - 350) + "px";
      tip.style.top = box.top + 10 + "px";
      event.preventDefault();
    });
    svg.addEventListener("blur", function () { tip.hidden = true; at = -1; });
  });

  document.querySelectorAll("table.layers").forEach(function (table) {
    table.querySelectorAll("th button").forEach(function (button, column) {
      button.addEventListener("click", function () {
        var head = button.parentElement, up = head.getAttribute("aria-sort") !== "ascending";
        table.querySelectorAll("th").forEach(function (th) { th.setAttribute("aria-sort", "none"); });
        head.setAttribute("aria-sort", up ? "ascending" : "descending");
        var body = table.tBodies[0], rows = Array.from(body.rows);
        function value(row) {
          var cell = row.cells[column], v = cell.getAttribute("data-v");
          return v === null ? cell.textContent : (v === "" ? null : Number(v));
        }
        rows.sort(function (a, b) {
          var x = value(a), y = value(b);
          if (x === null || y === null) return (x === null) - (y === null);
          var order = typeof x === "number" ? x - y : x.localeCompare(y);
          return up ? order : -order;
        });
        rows.forEach(function (row) { body.appendChild(row); });
      });
    });
  });

  document.querySelectorAll(".copy").forEach(function (button) {
    button.addEventListener("click", function () {
      var text = button.parentElement.querySelector("code").textContent;
      function done() { button.textContent = "Copied"; setTimeout(function () { button.textContent = "Copy"; }, 1500); }
      if (navigator.clipboard) navigator.clipboard.writeText(text).then(done, function () {});
    });
  });
})();
