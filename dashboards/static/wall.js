// Keeps a wall up to date: asks for its content, puts it in place, says so when nobody answers.
(() => {
  const root = document.getElementById('wall');
  const form = document.getElementById('open');
  if (location.hash.length > 1) {
    // A link's key is spent at once and leaves the address; it never was in a request's address.
    const key = location.hash.slice(1);
    history.replaceState(null, '', location.pathname + location.search);
    form.action = '/wall/open' + location.search;
    form.elements.key.value = key;
    form.submit();
    return;
  }
  addEventListener('hashchange', () => location.reload());
  if (!root) {
    // Not open: the link may be good again later.
    const again = document.querySelector('[data-again]')?.dataset.again;
    if (again) setTimeout(() => location.reload(), again * 1000);
    return;
  }
  const {every, patience, build, lost} = root.dataset;
  const banner = document.getElementById('lost');
  let tag = '', missed = 0;

  const look = async () => {
    const stop = new AbortController(), timer = setTimeout(() => stop.abort(), 10000);
    try {
      const answer = await fetch('/wall/now' + location.search, {
        headers: tag ? {'If-None-Match': tag} : {}, cache: 'no-store', redirect: 'error', signal: stop.signal,
      });
      if (answer.status === 403) { location.reload(); return; }
      if (answer.status !== 200 && answer.status !== 304) throw new Error(answer.status);
      if (answer.headers.get('X-Build') !== build) { location.reload(); return; }
      if (answer.status === 200) {
        root.innerHTML = await answer.text();
        tag = answer.headers.get('ETag');
      }
      missed = 0;
    } catch { missed += 1; } finally { clearTimeout(timer); }
    const away = missed >= Number(patience);
    const until = root.querySelector('[data-until]')?.dataset.until ?? '';
    banner.hidden = !away;
    if (away && !banner.textContent) banner.textContent = `${lost} ${until}`;
    if (!away) banner.textContent = '';
    root.classList.toggle('old', away);
    setTimeout(look, Number(every));
  };
  setTimeout(look, Number(every));
})();
