// Keeps a page's figures as the server tells them: what is different, where, and the pictures.
window.fieldlab = (() => {
  const pictures = new WeakMap();
  const library = import('nicegui-echart');

  // Functions come as text, under a name that begins with a colon.
  const revived = (value) => {
    if (Array.isArray(value)) return value.map(revived);
    if (value === null || typeof value !== 'object') return value;
    return Object.fromEntries(Object.entries(value).map(([name, part]) =>
      name[0] === ':' ? [name.slice(1), new Function(`return (${part})`)()] : [name, revived(part)]));
  };

  // A picture is drawn as soon as there is a library to draw it, and a place that has a size.
  class Picture {
    constructor(place) {
      this.place = place;
      this.waiting = [];
      this.chart = null;
      this.watch = new ResizeObserver(() => { if (this.chart) this.chart.resize(); else this.draw(); });
      this.watch.observe(place);
    }
    add(options, whole) {
      if (whole) this.waiting = [];
      this.waiting.push([revived(options), whole]);
      this.draw();
    }
    async draw() {
      const {echarts} = await library;
      if (!this.place.isConnected || !this.place.clientWidth || !this.place.clientHeight) return this;
      this.chart ??= echarts.init(this.place);
      while (this.waiting.length) {
        const [options, whole] = this.waiting[0];
        this.chart.setOption(options, {notMerge: whole});
        this.waiting.shift();
      }
      return this;
    }
    end() {
      this.watch.disconnect();
      this.chart?.dispose();
    }
  }

  const picture = (place) => {
    if (!pictures.has(place)) pictures.set(place, new Picture(place));
    return pictures.get(place);
  };
  const without = (element) => {
    for (const place of [element, ...element.querySelectorAll('*')]) pictures.get(place)?.end();
    element.remove();
  };

  const todo = {
    set: (element, attributes) => {
      for (const [name, value] of Object.entries(attributes)) {
        if (value === null) element.removeAttribute(name); else element.setAttribute(name, value);
      }
    },
    say: (element, text) => { element.textContent = text; },
    more: (element, html) => element.insertAdjacentHTML('beforeend', html),
    fewer: (element, count) => { for (let i = 0; i < count; i++) without(element.lastElementChild); },
    other: (element, html) => {
      element.insertAdjacentHTML('beforebegin', html);
      without(element);
    },
    draw: (element, options) => picture(element).add(options, true),
    redraw: (element, options) => picture(element).add(options, false),
  };

  // A picture as it is on the page, twice as sharp, on the card's own colour.
  const save = async (button) => {
    const {chart} = await picture(button.parentElement.querySelector('.drawing')).draw();
    if (!chart) return;
    const backgroundColor = getComputedStyle(document.documentElement).getPropertyValue('--card').trim();
    const link = document.createElement('a');
    link.href = chart.getDataURL({pixelRatio: 2, backgroundColor});
    link.download = button.dataset.png;
    link.click();
  };

  document.addEventListener('click', ({target}) => {
    const button = target.closest('button');
    if (button?.dataset.png) save(button);
    if (button?.dataset.stop) emitEvent('assign', button.dataset.stop);
  });

  const show = (told) => {
    for (const [host, changes] of Object.entries(told)) {
      const top = document.querySelector(`[data-host="${host}"]`);
      for (const [path, what, given] of changes) {
        todo[what](path.reduce((element, i) => element.children[i], top), given);
      }
    }
  };

  // Rows are told by their place: whoever is at a stop's button stays with that stop, or with none.
  const followed = (button, stop) => {
    if (!stop || (button.isConnected && button.dataset.stop === stop)) return;
    const its = document.querySelector(`button[data-stop="${CSS.escape(stop)}"]`);
    if (its) its.focus({preventScroll: true}); else button.blur();
  };

  // After a change that failed all that follow would be put in the wrong place; once a minute at most.
  const anew = (error) => {
    console.error(error);
    const last = Number(sessionStorage.getItem('fieldlab-anew'));
    if (Date.now() - last < 60_000) return;
    sessionStorage.setItem('fieldlab-anew', Date.now());
    location.reload();
  };

  return {
    show: (told) => {
      const button = document.activeElement;
      const stop = button?.dataset.stop;
      try {
        show(told);
      } catch (error) {
        anew(error);
      }
      followed(button, stop);
    },
    chart: (place) => pictures.get(place)?.chart,
  };
})();
