"""What every page does about its looks before anything is painted."""

from __future__ import annotations

from typing import Final

# Runs before anything is painted: colours without a flash, and Back works.
HEAD: Final = """<link rel="stylesheet" href="{style}">
<script>
(() => {{
  const root = document.documentElement, asked = {theme};
  root.dataset.theme = asked === 'auto'
    ? (matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light') : asked;
  addEventListener('popstate', () => location.reload());
  // Escape takes a tooltip away that hides something; it is back with the next move.
  const tips = (e) => {{ root.dataset.tips = e.key === 'Escape' ? 'off' : 'on'; }};
  for (const kind of ['keydown', 'focusin', 'mouseover']) addEventListener(kind, tips);
}})();
</script>"""
TURN: Final = """() => {
  const root = document.documentElement, link = new URL(location.href);
  link.searchParams.set('theme', root.dataset.theme === 'dark' ? 'light' : 'dark');
  location.assign(link);
}"""
"""Light to dark, or back, where a page may be asked for anew."""
