// What the console does beyond plain pages. Every page reads and decides without it.
const $ = (selector, root = document) => root.querySelector(selector);
const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];
const root = document.documentElement;
const remember = (name, value) => { document.cookie = `${name}=${value}; Path=/; Max-Age=31536000; SameSite=Lax`; };
const announce = (text) => { $('[data-announce]') && ($('[data-announce]').textContent = text); };
const make = (tag, props = {}, ...children) => {
  const element = Object.assign(document.createElement(tag), props);
  element.append(...children);
  return element;
};

for (const element of $$('.js')) element.hidden = false;

// Theme: the choice is a cookie, so the server writes the class before the first paint.
const isDark = () => root.classList.contains('dark')
  || (!root.classList.contains('light') && matchMedia('(prefers-color-scheme: dark)').matches);
const toggleTheme = () => {
  const next = isDark() ? 'light' : 'dark';
  root.classList.remove('light', 'dark');
  root.classList.add(next);
  remember('cs_theme', next);
};
$('[data-theme-toggle]')?.addEventListener('click', toggleTheme);

// A toast is for reversible trifles only.
const toast = (text) => {
  const element = make('div', { className: 'toast', role: 'status', textContent: text });
  document.body.append(element);
  let timer = setTimeout(() => element.remove(), 6000);
  element.addEventListener('pointerenter', () => clearTimeout(timer));
  element.addEventListener('pointerleave', () => { timer = setTimeout(() => element.remove(), 2000); });
};
const copy = async (text, said) => { await navigator.clipboard?.writeText(text); toast(said); };
$('[data-copylink]')?.addEventListener('click', () => copy(location.href, 'Link copied'));
document.addEventListener('click', (event) => {
  const element = event.target.closest('[data-copyable]');
  if (element) copy(element.textContent.trim(), 'Hash copied');
});

// Times: local as the server wrote them, UTC, or relative.
let shownZone = 'local';
const spans = [[86400, 'd'], [3600, 'h'], [60, 'm'], [1, 's']];
const ago = (iso) => {
  const seconds = Math.round((Date.now() - Date.parse(iso)) / 1000);
  const size = Math.abs(seconds);
  const at = Math.max(0, spans.findIndex(([unit]) => size >= unit * (unit === 1 ? 0 : 1)));
  const [unit, name] = spans[at];
  return seconds < 0 ? `in ${Math.floor(size / unit)} ${name}` : `${Math.floor(size / unit)} ${name} ago`;
};
const writeTimes = (scope = document) => {
  for (const time of $$('time[datetime]', scope)) {
    time.dataset.local ??= time.textContent;
    const iso = time.getAttribute('datetime');
    time.title = iso.replace('T', ' ').replace('Z', ' UTC');
    time.textContent = shownZone === 'utc' ? iso.slice(5, 16).replace('T', ' ')
      : shownZone === 'relative' ? ago(iso) : time.dataset.local;
  }
};
for (const button of $$('[data-zone]')) {
  button.addEventListener('click', () => {
    shownZone = button.dataset.zone;
    for (const other of $$('[data-zone]')) other.setAttribute('aria-pressed', String(other === button));
    writeTimes();
  });
}
writeTimes();

// Live: the page hears that something changed and fetches itself; parts are put in place, rows never move by themselves.
let heard = Date.now();
let brokenSince = null;
let paused = false;
const liveMark = $('[data-live]');
const clock = (date) => date.toTimeString().slice(0, 5);
const sprite = liveMark && $('use', liveMark).getAttribute('href').split('#')[0];
const writeLive = () => {
  if (!liveMark) return;
  const seconds = Math.round((Date.now() - heard) / 1000);
  const [shape, tone, text] = paused ? ['paused', 'quiet', 'Paused']
    : brokenSince ? ['retrying', 'warn', `Reconnecting since ${clock(brokenSince)}`]
      : ['done', 'ok', seconds < 60 ? `Live, ${seconds} s ago` : `Live, ${Math.floor(seconds / 60)} m ago`];
  $('use', liveMark).setAttribute('href', `${sprite}#s-${shape}`);
  $('svg', liveMark).setAttribute('class', `g ${tone}`);
  if ($('span', liveMark).textContent !== text) $('span', liveMark).textContent = text;
};
let waitingRows = null;
const rowKeys = (part) => $$('[data-row]', part).map((row) => row.dataset.id ?? $('a', row)?.getAttribute('href') ?? row.textContent);
const showWaiting = () => {
  if (!waitingRows) return;
  for (const [mine, theirs] of waitingRows) { mine.replaceWith(theirs); writeTimes(theirs); }
  waitingRows = null;
  const place = $('[data-newrows]');
  if (place) { place.hidden = true; place.replaceChildren(); }
};
const put = (mine, theirs) => {
  const before = $$('.fig', mine).map((figure) => figure.textContent);
  mine.replaceWith(theirs);
  writeTimes(theirs);
  $$('.fig', theirs).forEach((figure, index) => {
    if (before[index] !== undefined && before[index] !== figure.textContent) {
      figure.classList.add('changed');
      setTimeout(() => figure.classList.remove('changed'), 1200);
    }
  });
};
const refresh = async () => {
  const answer = await fetch(location.href, { headers: { Accept: 'text/html' }, credentials: 'same-origin' });
  if (!answer.ok || answer.redirected) return;
  const page = new DOMParser().parseFromString(await answer.text(), 'text/html');
  const held = [];
  let fresh = 0;
  for (const mine of $$('[data-part]')) {
    const theirs = $(`[data-part="${mine.dataset.part}"]`, page);
    if (!theirs || mine.innerHTML === theirs.innerHTML || mine.contains(document.activeElement)) continue;
    const known = new Set(rowKeys(mine));
    const keys = rowKeys(theirs);
    const sameRows = known.size === keys.length && keys.every((key, index) => rowKeys(mine)[index] === key);
    if (mine.hasAttribute('data-hold') && !sameRows) {
      held.push([mine, document.adoptNode(theirs)]);
      fresh += keys.filter((key) => !known.has(key)).length;
    } else {
      put(mine, document.adoptNode(theirs));
    }
  }
  for (const count of $$('.rail nav a')) {
    const theirs = $(`.rail nav a[href="${CSS.escape(count.getAttribute('href'))}"]`, page);
    if (theirs && theirs.innerHTML !== count.innerHTML) count.innerHTML = theirs.innerHTML;
  }
  if (held.length) {
    waitingRows = held;
    const text = fresh ? `${fresh} new, show` : 'Order changed, show';
    const place = $('[data-newrows]');
    if (place) {
      const button = make('button', { type: 'button', className: 'button small', textContent: text });
      button.setAttribute('aria-keyshortcuts', '.');
      button.addEventListener('click', showWaiting);
      place.replaceChildren(button);
      place.hidden = false;
      announce(text);
    }
  }
};
const events = document.body.dataset.events;
if (events && 'EventSource' in window) {
  const topics = new Set((document.body.dataset.topics ?? '').split(' ').filter(Boolean));
  const stream = new EventSource(events);
  let due = null;
  const alive = () => { heard = Date.now(); brokenSince = null; writeLive(); };
  stream.addEventListener('open', alive);
  stream.addEventListener('beat', alive);
  stream.addEventListener('change', (event) => {
    alive();
    if (!event.data.split(' ').some((topic) => topics.has(topic)) || document.hidden) return;
    due ??= setTimeout(() => { due = null; refresh().catch(() => {}); }, 400);
  });
  stream.addEventListener('error', () => { brokenSince ??= new Date(); writeLive(); });
  document.addEventListener('visibilitychange', () => {
    paused = document.hidden;
    writeLive();
    if (!paused) refresh().catch(() => {});
  });
  setInterval(() => { if (!paused) writeLive(); }, 5000);
}

// Commits: no second send, no early word of success. The answer is a page with the receipt.
document.addEventListener('submit', (event) => {
  const form = event.target;
  if (form.method !== 'post') return;
  if (form.dataset.sent) { event.preventDefault(); return; }
  form.dataset.sent = '1';
  const button = event.submitter ?? $('button', form);
  if (form.hasAttribute('data-commit') && button) {
    button.after(make('span', { className: 'sending', role: 'status', textContent: 'Sending…' }));
  }
});
addEventListener('pageshow', (event) => {
  if (event.persisted) for (const form of $$('form[data-sent]')) { delete form.dataset.sent; $('.sending', form)?.remove(); }
});

// Hand-in: files may be dropped on the field.
const drop = $('[data-drop]');
if (drop) {
  const field = $('input[type=file]', drop);
  const tell = () => {
    const names = [...field.files].map((file) => file.name);
    if (names.length) $('[data-chosen]', drop).textContent = names.length > 3 ? `${names.length} files chosen` : names.join(', ');
  };
  field.addEventListener('change', tell);
  for (const name of ['dragenter', 'dragover']) {
    drop.addEventListener(name, (event) => { event.preventDefault(); drop.classList.add('over'); });
  }
  for (const name of ['dragleave', 'drop']) drop.addEventListener(name, () => drop.classList.remove('over'));
  drop.addEventListener('drop', (event) => { event.preventDefault(); field.files = event.dataTransfer.files; tell(); });
}

// Dialogs return the focus to where it came from.
const openDialog = (title, body) => {
  const from = document.activeElement;
  const dialog = make('dialog', {}, make('h2', { textContent: title }), body);
  dialog.setAttribute('aria-label', title);
  dialog.addEventListener('close', () => { dialog.remove(); from?.focus?.(); });
  dialog.addEventListener('click', (event) => { if (event.target === dialog) dialog.close(); });
  document.body.append(dialog);
  dialog.showModal();
  return dialog;
};
const labelOf = (element) => {
  const clone = element.cloneNode(true);
  for (const key of $$('kbd, .count, .tile, svg', clone)) key.remove();
  return element.getAttribute('aria-label') ?? clone.textContent.trim().replace(/\s+/g, ' ');
};
const palette = () => {
  const field = make('input', { type: 'text', className: 'searchfield', placeholder: 'Search or jump to' });
  field.setAttribute('aria-label', 'Search or jump to');
  const list = make('ul', { className: 'palette' });
  const dialog = openDialog('Search or jump to', make('div', { className: 'dialogbody' }, field, list));
  const acts = $$('main .button[aria-keyshortcuts], main summary[aria-keyshortcuts]').filter((element) => !element.disabled)
    .map((element) => ({ text: labelOf(element), key: element.getAttribute('aria-keyshortcuts'), go: () => { dialog.close(); press(element); } }));
  const places = $$('.rail nav a, .scopes a, .crumbs a')
    .map((link) => ({ text: labelOf(link), key: link.dataset.go ? `G ${link.dataset.go}` : '', go: () => { location.href = link.href; } }));
  const items = $$('[data-row] .rowlink').map((link) => ({ text: labelOf(link), key: '', go: () => { location.href = link.href; } }));
  const entries = [...acts, ...places, ...items];
  const write = () => {
    const words = field.value.toLowerCase().split(/\s+/).filter(Boolean);
    const found = entries.filter((entry) => words.every((word) => entry.text.toLowerCase().includes(word))).slice(0, 12);
    list.replaceChildren(...found.map((entry) => {
      const button = make('button', { type: 'button' }, make('span', { textContent: entry.text }));
      if (entry.key) button.append(make('kbd', { textContent: entry.key.toUpperCase() }));
      button.addEventListener('click', entry.go);
      return make('li', {}, button);
    }));
    if (!found.length) list.append(make('li', { textContent: 'Nothing here has that name.' }));
  };
  field.addEventListener('input', write);
  field.addEventListener('keydown', (event) => {
    if (event.key === 'Enter') { event.preventDefault(); $('button', list)?.click(); }
    if (event.key === 'ArrowDown') { event.preventDefault(); $('button', list)?.focus(); }
  });
  list.addEventListener('keydown', (event) => {
    const buttons = $$('button', list);
    const at = buttons.indexOf(document.activeElement);
    if (event.key === 'ArrowDown') buttons[at + 1]?.focus();
    if (event.key === 'ArrowUp') (buttons[at - 1] ?? field).focus();
  });
  write();
};
for (const button of $$('[data-palette]')) button.addEventListener('click', palette);

const lettersOff = () => localStorage.getItem('cs_letters') === 'off';
const keySheet = () => {
  const rows = [['Ctrl K', 'search or jump to'], ['J K', 'next, previous row'], ['Enter', 'open the row'], ['Esc', 'one level back'],
    ['.', 'show new rows'], ['T', 'light or dark'], ['?', 'this sheet'],
    ...$$('[aria-keyshortcuts]').filter((element) => element.offsetParent).map((element) => [element.getAttribute('aria-keyshortcuts').toUpperCase(), labelOf(element)])];
  const seen = new Set();
  const list = make('dl', { className: 'sheetlist' }, ...rows.filter(([key]) => !seen.has(key) && seen.add(key))
    .map(([key, text]) => make('div', {}, make('dt', { textContent: text }), make('dd', {}, make('kbd', { textContent: key })))));
  const box = make('input', { type: 'checkbox', checked: !lettersOff() });
  box.addEventListener('change', () => localStorage.setItem('cs_letters', box.checked ? 'on' : 'off'));
  openDialog('Keys', make('div', { className: 'dialogbody' }, list, make('p', {}, make('label', {}, box, ' Single letters act'))));
};

// Keys. A letter never commits money: it moves to the control that does.
const press = (element) => {
  if (element.disabled) { element.closest('.act')?.scrollIntoView({ block: 'nearest' }); return; }
  if (element.tagName === 'SUMMARY') {
    element.parentElement.open = !element.parentElement.open;
    (($('textarea, input:not([type=hidden])', element.parentElement)) ?? element).focus();
  } else if (element.hasAttribute('data-confirm') || element.form || element.tagName === 'TEXTAREA') {
    element.focus();
  } else {
    element.click();
  }
};
const moveCursor = (step) => {
  const rows = $$('[data-row]').filter((row) => row.offsetParent);
  if (!rows.length) return;
  const at = rows.findIndex((row) => row.classList.contains('cursor'));
  const next = rows[Math.min(Math.max(at + step, 0), rows.length - 1)];
  rows[at]?.classList.remove('cursor');
  next.classList.add('cursor');
  ($('.rowlink', next) ?? next).focus();
  next.scrollIntoView({ block: 'nearest' });
};
let afterG = 0;
document.addEventListener('keydown', (event) => {
  if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === 'k') { event.preventDefault(); palette(); return; }
  if (event.ctrlKey || event.metaKey || event.altKey || $('dialog[open]')) return;
  const field = event.target.closest('input:not([type=radio]):not([type=checkbox]), textarea, select');
  if (event.key === 'Escape') {
    const open = event.target.closest('details[open]');
    if (open) { open.open = false; $('summary', open).focus(); } else if (field) { field.blur(); }
    return;
  }
  if (field || lettersOff()) return;
  const key = event.key.toLowerCase();
  if (Date.now() - afterG < 1500) {
    afterG = 0;
    const target = key === 's' ? $('.scope summary') : $(`[data-go="${CSS.escape(key)}" i]`);
    if (target) { event.preventDefault(); press(target); }
    return;
  }
  if (key === 'g') { afterG = Date.now(); return; }
  if (key === 'j' || key === 'k') { event.preventDefault(); moveCursor(key === 'j' ? 1 : -1); return; }
  if (key === '?') { event.preventDefault(); keySheet(); return; }
  if (key === '.') { showWaiting(); return; }
  if (key === 't') { toggleTheme(); return; }
  if (key.length !== 1) return;
  const target = $$(`main [aria-keyshortcuts="${CSS.escape(key)}" i]`).find((element) => element.offsetParent);
  if (target) { event.preventDefault(); press(target); }
});
