// Copy the statements for a database administrator; where the browser does not let us, they are marked instead.
"use strict";
document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  const source = document.getElementById(button.dataset.copy);
  try {
    await navigator.clipboard.writeText(source.textContent);
    button.querySelector("span").textContent = button.dataset.done;
  } catch {
    getSelection().selectAllChildren(source);
  }
});
