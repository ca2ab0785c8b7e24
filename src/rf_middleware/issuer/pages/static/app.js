// Pages work without this. With it: copy buttons, menus that close, forms that say they are busy, parts that stay fresh.
"use strict";

const spoken = document.createElement("p");
spoken.className = "unseen";
spoken.setAttribute("role", "status");
document.body.append(spoken);

const say = (text) => {
  spoken.textContent = "";
  requestAnimationFrame(() => { spoken.textContent = text; });
};

// What a page says when it comes is not read out by itself: a live region is only heard when it changes.
const news = document.querySelector(".flash[role=status]");
if (news) setTimeout(say, 500, news.textContent.trim());

const copied = async (field) => {
  field.select();
  // Only pages that came by https or from this machine may use the clipboard.
  if (navigator.clipboard) {
    try {
      await navigator.clipboard.writeText(field.value);
      return true;
    } catch {
      // Refused by the person or the browser: the older way may still be open.
    }
  }
  return document.execCommand("copy");
};

const openMenus = () => document.querySelectorAll("details.menu[open]");

document.addEventListener("click", async (event) => {
  for (const menu of openMenus()) {
    if (!menu.contains(event.target)) menu.open = false;
  }
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  const done = await copied(document.getElementById(button.dataset.copy));
  const label = button.firstChild;
  label.data = done ? "Copied" : "Press Ctrl+C";
  button.classList.toggle("done", done);
  say(label.data);
  setTimeout(() => {
    label.data = "Copy";
    button.classList.remove("done");
  }, 3000);
});

document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  for (const menu of openMenus()) {
    menu.open = false;
    menu.querySelector("summary").focus();
  }
});

document.addEventListener("focusin", (event) => {
  for (const menu of openMenus()) {
    if (!menu.contains(event.target)) menu.open = false;
  }
});

// A revocation is answered when every validator has confirmed it: that may take a while, and once is enough.
// No page hears that somebody pressed Stop or that the network failed, so the mark is forgotten after a while.
const FORGOTTEN = 30_000; // ms: longer than a usual lease, so that no answer on its way is thrown away

const forget = (form) => {
  clearTimeout(Number(form.dataset.sent));
  delete form.dataset.sent;
  for (const button of form.querySelectorAll("[data-idle]")) {
    button.textContent = button.dataset.idle;
    button.removeAttribute("aria-disabled");
    delete button.dataset.idle;
  }
};

const forgetAll = () => {
  for (const form of document.querySelectorAll("form[data-sent]")) forget(form);
};

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.dataset.sent) return event.preventDefault();
  form.dataset.sent = setTimeout(forget, FORGOTTEN, form);
  const button = event.submitter;
  if (button && button.dataset.busy) {
    button.dataset.idle = button.textContent;
    button.textContent = button.dataset.busy;
    button.setAttribute("aria-disabled", "true");
    say(button.dataset.busy);
  }
});

window.addEventListener("pageshow", (event) => {
  if (event.persisted) forgetAll();
});

// The key that stops a page from loading.
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") forgetAll();
});

for (const button of document.querySelectorAll("[data-copy]")) button.hidden = false;

// <div id="…" data-live="5">: the part of the page with this id is fetched anew every so many seconds.
for (const part of document.querySelectorAll("[data-live]")) {
  const again = async () => {
    try {
      if (document.hidden || part.contains(document.activeElement)) return;
      const answer = await fetch(location.href, { headers: { Accept: "text/html" }, redirect: "error" });
      if (!answer.ok) return;
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const fresh = page.getElementById(part.id);
      if (fresh) part.replaceChildren(...fresh.childNodes);
    } catch {
      // The server is away, or somebody signed out: what is shown stays, and is asked for again.
    } finally {
      setTimeout(again, Number(part.dataset.live) * 1000);
    }
  };
  setTimeout(again, Number(part.dataset.live) * 1000);
}
