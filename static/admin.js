// Progressive enhancement for the administration. Every page works without it; it only fetches choices from this site.
// Sections: navigation, row selection, filter of check boxes, autocomplete, pop-up windows, unsaved changes.

/** Creates an element with attributes and children. */
function make(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
}

// ---- Navigation: folded on narrow screens; on wide ones as the user left it. ----

function foldMenu(menu) {
  const wide = window.matchMedia('(min-width: 64rem)');
  const show = () => {
    menu.toggleAttribute('data-foldable', wide.matches);
    menu.open = wide.matches && localStorage.getItem('menu') !== 'folded';
  };
  menu.addEventListener('toggle', () => {
    if (wide.matches) localStorage.setItem('menu', menu.open ? 'open' : 'folded');
  });
  wide.addEventListener('change', show);
  show();
}

// ---- Row selection: a "select all" check box and a count of selected rows. ----

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
      // Clearing one row also clears "select all".
      if (across && !box.checked) across.checked = false;
      show();
    });
  }
  // The browser may restore checked boxes when it returns to the page.
  show();
}

// ---- Filter of check boxes: hides the rows that lack one of the words. ----

function filterRows(list) {
  const rows = [...list.querySelectorAll('tbody tr, li')];
  if (rows.length < 6) return;
  const input = make('input', { type: 'search', id: `${list.parentElement.id}_filter`, autocomplete: 'off' });
  const told = make('p', { class: 'help', role: 'status' });
  list.before(make('div', { class: 'filter-rows' }, make('label', { for: input.id }, 'Filter'), input, told));
  input.addEventListener('input', () => {
    const words = input.value.toLowerCase().split(/\s+/);
    for (const row of rows) {
      const text = row.textContent.toLowerCase();
      row.hidden = !words.every((word) => text.includes(word));
    }
    told.textContent = `${rows.filter((row) => !row.hidden).length} of ${rows.length} shown.`;
  });
  input.addEventListener('keydown', (event) => {
    // Enter in this field must not submit the form.
    if (event.key === 'Enter') event.preventDefault();
  });
}

// ---- Autocomplete: searches a long list of choices as you type (ARIA combobox with a listbox). ----

/** Selects a value, adding it as an option if it is missing. */
function choose(select, value, label) {
  let option = [...select.options].find((known) => known.value === value);
  if (!option) {
    option = new Option(label, value);
    // The inline form edits a different row.
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
  list.setAttribute('aria-label', 'Search results');
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
    told.textContent = `${option.textContent} selected.`;
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
    if (!results.length) told.textContent = 'No results. Try fewer words.';
    else told.textContent = more > 0 ? `${more} more not listed. Search to find one.` : `${results.length} found.`;
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
      // Fall back to the search button; the server reports what is wrong.
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
      // Enter in this field must not submit the form.
      if (!list.hidden && options.length) take(options[Math.max(active, 0)]);
      else find();
    } else return;
    event.preventDefault();
  });
  // pointerdown fires before blur, which closes the list.
  list.addEventListener('pointerdown', (event) => {
    const option = event.target.closest('[role="option"]');
    event.preventDefault();
    if (option) take(option);
  });
  input.addEventListener('blur', close);
}

// ---- Pop-up windows: add and change related rows without leaving the form. ----

const windows = new Map();

/** Opens the links beside a choice in a pop-up window, and keeps them in step with the selected value. */
function openBeside(links) {
  const select = links.closest('.row-control').querySelector('select');
  if (!select) return;
  for (const link of links.querySelectorAll('a[href*="_popup=1"]')) {
    link.addEventListener('click', (event) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey) return;
      const opened = window.open(`${link.href}&_window=1`, '', 'popup,width=820,height=760');
      // If the browser blocks the window, the link opens the page normally.
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

/** Sends the saved row to the window that opened the pop-up, and closes the pop-up. */
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
  // Reload if the saved row is the one in the inline form, unless that would lose unsaved changes.
  const isInside = document.querySelector(`[data-inside="${select.id}"]`) && select.value === data.value;
  if (isInside && !isDirty()) {
    window.location.reload();
    return;
  }
  choose(select, data.value, data.label);
  select.focus();
});

// ---- Unsaved changes: the browser asks before leaving the page. ----

let isDirty = () => false;

/** Ignore a second submit within this many milliseconds. */
const DOUBLE = 2000;

function warnOfLoss(form) {
  const state = () => JSON.stringify([...new FormData(form)].filter(([name]) => !name.startsWith('_find')));
  // A form that came back with errors has not been saved.
  const stored = document.querySelector('.error-summary, .panel-warning') ? null : state();
  isDirty = () => state() !== stored;
  let isSent = false;
  let sentAt = -Infinity;
  form.addEventListener('submit', (event) => {
    // The second click of a double click would save twice.
    if (event.timeStamp - sentAt < DOUBLE) event.preventDefault();
    else sentAt = event.timeStamp;
    isSent = true;
  });
  // The page may be restored from the back/forward cache.
  window.addEventListener('pageshow', () => { isSent = false; sentAt = -Infinity; });
  window.addEventListener('beforeunload', (event) => {
    if (!isSent && isDirty()) event.preventDefault();
  });
}

// Copies the items of a list, one a line.
function copyList(button) {
  const items = document.querySelectorAll(`#${button.dataset.copy} li`);
  button.hidden = false;
  button.addEventListener('click', async () => {
    await navigator.clipboard.writeText([...items].map((item) => item.textContent.trim()).join('\n'));
    button.textContent = 'Copied';
  });
}

for (const menu of document.querySelectorAll('.menu')) foldMenu(menu);
for (const form of document.querySelectorAll('form.listing')) countTicks(form);
for (const list of document.querySelectorAll('[data-filter]')) filterRows(list);
for (const finder of document.querySelectorAll('[data-autocomplete]')) autocomplete(finder);
for (const links of document.querySelectorAll('.related')) openBeside(links);
for (const form of document.querySelectorAll('form.form-row')) warnOfLoss(form);
for (const page of document.querySelectorAll('[data-popup]')) tellOpener(page);
if (navigator.clipboard) for (const button of document.querySelectorAll('[data-copy]')) copyList(button);
