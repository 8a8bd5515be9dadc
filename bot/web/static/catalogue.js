/* Everything works without this. With it, a form's answers come as one types, what is in progress moves by itself, and
   what is to be copied has a button. A page is asked for again, and only its parts named `data-live` are put in. */
"use strict";

const TYPING_MS = 180;
const LONGEST_ADDRESS = 7000;

let asked = 0;
const failures = new Map();

async function refresh(address) {
  const number = ++asked;
  const answer = await fetch(address, { headers: { Accept: "text/html" }, credentials: "same-origin" });
  if (!answer.ok) throw new Error(String(answer.status));
  const text = await answer.text();
  // an answer that was overtaken by a later question says nothing any more
  if (number === asked) put(new DOMParser().parseFromString(text, "text/html"));
}

function put(page) {
  for (const old of document.querySelectorAll("[data-live]")) {
    const now = page.getElementById(old.id);
    if (now && now.innerHTML !== bare(old)) {
      old.replaceChildren(...now.cloneNode(true).childNodes);
      for (const block of old.querySelectorAll(".code")) copyable(block);
    }
    if (now && old.classList.contains("error")) mark(old);
  }
  for (const old of document.querySelectorAll("[data-shape]")) {
    const now = page.getElementById(old.id);
    if (now && now.dataset.shape !== old.dataset.shape) reshape(old, now);
  }
}

// other fields are folded away than before; what was typed meanwhile, and where one is, stays
function reshape(old, now) {
  const focused = document.activeElement && document.activeElement.id;
  const typed = new Map([...old.querySelectorAll("input, select")].map((one) => [one.id, one.value]));
  old.replaceChildren(...now.cloneNode(true).childNodes);
  old.dataset.shape = now.dataset.shape;
  for (const one of old.querySelectorAll("input, select")) if (typed.has(one.id)) one.value = typed.get(one.id);
  for (const button of old.querySelectorAll("[data-without-script]")) button.hidden = true;
  const field = focused && document.getElementById(focused);
  if (field) field.focus();
}

// what the server sent, without the buttons that were added here
function bare(element) {
  const copy = element.cloneNode(true);
  for (const button of copy.querySelectorAll(".copy")) button.remove();
  return copy.innerHTML;
}

function mark(error) {
  const control = document.getElementById(error.id.replace(/-error$/, ""));
  if (!control) return;
  if (error.textContent) control.setAttribute("aria-invalid", "true");
  else control.removeAttribute("aria-invalid");
}

function address(form) {
  const given = new URLSearchParams();
  for (const [name, value] of new FormData(form)) if (value !== "") given.append(name, value);
  const query = given.toString();
  return form.getAttribute("action").split("#")[0] + (query ? "?" + query : "");
}

for (const form of document.querySelectorAll("form[data-live-form]")) {
  let waiting;
  const changed = () => {
    clearTimeout(waiting);
    waiting = setTimeout(() => {
      const to = address(form);
      if (to.length > LONGEST_ADDRESS) return;
      refresh(to).then(() => history.replaceState(null, "", to), () => { /* the button still sends the form */ });
    }, TYPING_MS);
  };
  form.addEventListener("input", changed);
  for (const button of form.querySelectorAll("[data-without-script]")) button.hidden = true;
}

for (const part of document.querySelectorAll("[data-every]")) {
  const seconds = Number(part.dataset.every);
  const again = () => setTimeout(async () => {
    try {
      if (!document.hidden) await refresh(location.href);
      failures.set(part, 0);
    } catch {
      failures.set(part, (failures.get(part) || 0) + 1);
    }
    again();
  }, seconds * 1000 * Math.min(2 ** (failures.get(part) || 0), 16));
  again();
}

function copyable(block) {
  if (!navigator.clipboard || block.querySelector(".copy")) return;
  const button = document.createElement("button");
  const what = block.querySelector("pre");
  button.type = "button";
  button.className = "copy";
  button.textContent = "Copy";
  button.setAttribute("aria-label", "Copy: " + what.getAttribute("aria-label"));
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(what.textContent);
    button.textContent = "Copied";
    const said = document.getElementById("said");
    if (said) said.textContent = "Copied";
    setTimeout(() => { button.textContent = "Copy"; if (said) said.textContent = ""; }, 1500);
  });
  block.append(button);
}

for (const block of document.querySelectorAll(".code")) copyable(block);
