// Comfort for the administration. Every page works without it; it loads nothing but choices from this very site.
// Sections: ticked rows, search for choices, small windows, unsaved changes.

/** Makes an element with attributes and texts or elements in it. */
function make(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
}

// ---- Ticked rows: one box ticks them all, and a word says how many are ticked. ----

function countTicks(form) {
  const boxes = [...form.querySelectorAll('[name="_selected_action"]')];
  const deck = form.querySelector('.deck');
  if (!boxes.length || !deck) return;
  const across = form.querySelector('[name="select_across"]');
  const all = make('input', { id: 'select-page', type: 'checkbox' });
  const label = make('label', { for: all.id }, 'All on this page');
  const told = make('p', { class: 'ticked', role: 'status' });
  deck.querySelector('button').after(make('p', { class: 'check' }, all, label));
  deck.append(told);

  const show = () => {
    const ticked = boxes.filter((box) => box.checked).length;
    all.checked = ticked === boxes.length;
    all.indeterminate = ticked > 0 && ticked < boxes.length;
    if (across?.checked) {
      const label = form.querySelector(`label[for="${across.id}"]`);
      told.textContent = `All ${label.textContent.replace(/\D+/g, '')} are selected.`;
    } else {
      told.textContent = ticked ? `${ticked} of ${boxes.length} selected.` : '';
    }
  };
  all.addEventListener('change', () => {
    for (const box of boxes) box.checked = all.checked;
    if (across) across.checked = false;
    show();
  });
  across?.addEventListener('change', () => {
    for (const box of boxes) box.checked = across.checked;
    show();
  });
  for (const box of boxes) {
    box.addEventListener('change', () => {
      // Whoever takes one away no longer means all.
      if (across && !box.checked) across.checked = false;
      show();
    });
  }
  // A browser that comes back to a page may have kept what was ticked.
  show();
}

// ---- Search for choices: the field beside a long list finds while one types (ARIA combobox with a listbox). ----

/** Chooses a row in a list, which may not have had it until now. */
function choose(select, value, label) {
  let option = [...select.options].find((known) => known.value === value);
  if (!option) {
    option = new Option(label, value);
    // The fields of the row inside the form are about another one.
    option.dataset.other = '';
    select.add(option);
  }
  option.text = label;
  select.value = value;
  select.dispatchEvent(new Event('change', { bubbles: true }));
}

function autocomplete(finder) {
  const select = document.getElementById(finder.dataset.for);
  const input = finder.querySelector('input');
  const list = make('ul', { id: `${input.id}_list`, role: 'listbox', class: 'finder-list', hidden: '' });
  list.setAttribute('aria-label', 'What was found');
  const told = finder.querySelector('[role="status"]') ?? make('p', { class: 'help', role: 'status' });
  const attributes = {
    role: 'combobox', 'aria-autocomplete': 'list', 'aria-controls': list.id, 'aria-expanded': 'false',
  };
  for (const [key, value] of Object.entries(attributes)) input.setAttribute(key, value);
  finder.querySelector('button').hidden = true;
  input.after(list);
  finder.append(told);
  let active = -1;
  let waiting;
  let asked;

  const close = () => {
    list.hidden = true;
    active = -1;
    input.setAttribute('aria-expanded', 'false');
    input.removeAttribute('aria-activedescendant');
  };
  const move = (step) => {
    const options = [...list.children];
    if (list.hidden || !options.length) return;
    active = (active + step + options.length) % options.length;
    options.forEach((option, place) => option.setAttribute('aria-selected', String(place === active)));
    options[active].scrollIntoView({ block: 'nearest' });
    input.setAttribute('aria-activedescendant', options[active].id);
  };
  const take = (option) => {
    choose(select, option.dataset.value, option.textContent);
    input.value = '';
    told.textContent = `${option.textContent} is chosen.`;
    close();
  };
  const show = ({ results, found }) => {
    list.replaceChildren(...results.map(({ id, text }, place) => make(
      'li', { id: `${list.id}_${place}`, role: 'option', 'aria-selected': 'false', 'data-value': id }, text,
    )));
    active = -1;
    list.hidden = !results.length;
    input.setAttribute('aria-expanded', String(!list.hidden));
    const more = found - results.length;
    if (!results.length) told.textContent = 'Nothing was found. Try fewer words.';
    else told.textContent = more > 0 ? `${more} more, search to narrow.` : `${results.length} found.`;
  };
  const find = async () => {
    asked?.abort();
    asked = new AbortController();
    try {
      const url = `${finder.dataset.autocomplete}&term=${encodeURIComponent(input.value)}`;
      const answer = await fetch(url, { signal: asked.signal, redirect: 'error' });
      if (!answer.ok) throw new Error(answer.statusText);
      show(await answer.json());
    } catch (error) {
      if (error.name === 'AbortError') return;
      // The button still searches: the server says what is the matter.
      finder.querySelector('button').hidden = false;
      close();
    }
  };

  input.addEventListener('input', () => {
    clearTimeout(waiting);
    if (input.value.trim()) waiting = setTimeout(find, 200);
    else close();
  });
  input.addEventListener('keydown', (event) => {
    const options = list.children;
    if (event.key === 'ArrowDown' && list.hidden) find();
    else if (event.key === 'ArrowDown') move(1);
    else if (event.key === 'ArrowUp') move(-1);
    else if (event.key === 'Escape' && !list.hidden) close();
    else if (event.key === 'Enter') {
      // Enter in this field never saves the form.
      if (!list.hidden && options.length) take(options[Math.max(active, 0)]);
      else find();
    } else return;
    event.preventDefault();
  });
  // Before the field loses the focus, and the list goes with it.
  list.addEventListener('pointerdown', (event) => {
    const option = event.target.closest('[role="option"]');
    event.preventDefault();
    if (option) take(option);
  });
  input.addEventListener('blur', close);
}

// ---- Small windows: rows that a form refers to are added and changed beside it. ----

const windows = new Map();

/** Lets the links beside a choice open a small window, and follow what is chosen. */
function openBeside(links) {
  const select = links.closest('.row-control').querySelector('select');
  if (!select) return;
  for (const link of links.querySelectorAll('a[href*="_popup=1"]')) {
    link.addEventListener('click', (event) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey) return;
      const opened = window.open(`${link.href}&_window=1`, '', 'popup,width=820,height=760');
      // A browser that opens no window follows the link, which leads back.
      if (!opened) return;
      event.preventDefault();
      windows.set(opened, select);
    });
  }
  const related = [...links.querySelectorAll('a[href*="/change/"]')];
  const follow = () => {
    for (const link of related) {
      link.parentElement.hidden = !select.value;
      link.href = link.getAttribute('href').replace(/\/[^/]*\/change\//, `/${select.value || 0}/change/`);
    }
  };
  select.addEventListener('change', follow);
  follow();
}

/** The last page of a small window tells what was stored, and closes it. */
function tellOpener(page) {
  if (!window.opener) return;
  const { popup, value, label } = page.dataset;
  window.opener.postMessage({ popup, value, label }, window.location.origin);
  window.close();
}

window.addEventListener('message', ({ origin, source, data }) => {
  const select = windows.get(source);
  if (origin !== window.location.origin || !select || !data.popup) return;
  windows.delete(source);
  // The row whose fields stand in this very form is shown as it is now, unless something would be lost by it.
  const isInside = document.querySelector(`[data-inside="${select.id}"]`) && select.value === data.value;
  if (isInside && !isDirty()) {
    window.location.reload();
    return;
  }
  choose(select, data.value, data.label);
  select.focus();
});

// ---- Unsaved changes: the browser asks before they are lost. ----

let isDirty = () => false;

/** Two clicks on «Save» within so many milliseconds are one. */
const DOUBLE = 2000;

function warnOfLoss(form) {
  const state = () => JSON.stringify([...new FormData(form)].filter(([name]) => !name.startsWith('_find')));
  // What was sent back with errors was never saved.
  const stored = document.querySelector('.error-summary, .panel-warning') ? null : state();
  isDirty = () => state() !== stored;
  let isSent = false;
  let sentAt = -Infinity;
  form.addEventListener('submit', (event) => {
    // The second click of a double one would store everything twice.
    if (event.timeStamp - sentAt < DOUBLE) event.preventDefault();
    else sentAt = event.timeStamp;
    isSent = true;
  });
  // The page may come back from the browser's memory.
  window.addEventListener('pageshow', () => { isSent = false; sentAt = -Infinity; });
  window.addEventListener('beforeunload', (event) => {
    if (!isSent && isDirty()) event.preventDefault();
  });
}

for (const form of document.querySelectorAll('form.listing')) countTicks(form);
for (const finder of document.querySelectorAll('[data-autocomplete]')) autocomplete(finder);
for (const links of document.querySelectorAll('.related')) openBeside(links);
for (const form of document.querySelectorAll('form.form-row')) warnOfLoss(form);
for (const page of document.querySelectorAll('[data-popup]')) tellOpener(page);
