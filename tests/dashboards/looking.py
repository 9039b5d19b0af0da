"""What a test looks for in a page: what sticks out, what a thumb misses, which words are there."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from selenium import webdriver

AXE: Final = Path(__file__).parents[2] / ".cache/axe/node_modules/axe-core/axe.min.js"
# Words of one language that the other does not have; names of things are not theirs to translate.
FOREIGN: Final = {
    "nl": "the|and|hours?|year|range|shifts?|stops by|good|scrap|share|unknown|down|producing|idle|setup|"
    "lost|quality|availability|performance|coverage|loss(es)?|reason|since|energy|lowest|highest|parts|mon|tue|wed|"
    "thu|fri|sat|sun|outage|overflow|yes|needed",
    "en": "de|het|een|uur|jaar|dienst(en)?|goed|afkeur|deel|onbekend|storing|produceert|wacht|omstellen|van|"
    "kwaliteit|beschikbaarheid|prestatie|dekking|verlies|reden|energie|laagst|hoogst|stuks|ma|di|wo|do|vr|za|zo|"
    "ja|nee|nodig",
}
STICKS_OUT: Final = """
const width = document.documentElement.clientWidth, found = [];
if (document.documentElement.scrollWidth > width) found.push('the page scrolls sideways');
for (const e of document.querySelectorAll('.page *')) {
  const box = e.getBoundingClientRect(), style = getComputedStyle(e);
  if (!box.width || !e.checkVisibility({visibilityProperty: true})) continue;
  if (e.closest('.tip, .visually-hidden, .skip, .scroll, .scopes, .pages')) continue;
  if (box.right > width + 1 || box.left < -1) found.push(`sticks out: ${e.tagName}.${e.className}`);
  if (!e.children.length && e.scrollWidth > e.clientWidth + 1 && style.overflow === 'hidden'
      && style.textOverflow !== 'ellipsis') found.push(`cut: ${e.textContent}`);
}
const texts = [...document.querySelectorAll('.page :is(h1,h2,h3,h4,p,th,td,li,a,button,label,summary)')]
  .filter(e => e.checkVisibility({visibilityProperty: true}) && e.textContent.trim())
  .filter(e => !e.closest('.tip, .skip, .visually-hidden, thead'));
const boxes = texts.map(e => [e, e.getBoundingClientRect(), e.closest('.scroll')])
  .filter(([e]) => getComputedStyle(e).position !== 'sticky');
for (const [i, [a, p, inside]] of boxes.entries()) for (const [b, q, within] of boxes.slice(i + 1)) {
  if (Math.min(p.right, q.right) - Math.max(p.left, q.left) > 2
      && Math.min(p.bottom, q.bottom) - Math.max(p.top, q.top) > 2
      && inside === within && !a.contains(b) && !b.contains(a))
    found.push(`overlap: ${a.textContent.slice(0, 40)} | ${b.textContent.slice(0, 40)}`);
}
return found;
"""
SMALL: Final = """
return [...document.querySelectorAll('.page :is(a, button, input, select, summary)')]
  .filter(e => e.checkVisibility({visibilityProperty: true}) && !e.closest('.skip'))
  .map(e => [e.textContent.trim() || e.tagName, e.getBoundingClientRect()])
  .filter(([_, b]) => b.height && (b.height < 43.5 || b.width < 43.5))
  .map(([t, b]) => `${t} ${b.width}x${b.height}`);
"""
# What is read, drawn or told to a screen reader.
WORDS: Final = """
const texts = [document.title, document.querySelector('.page').innerText];
for (const name of ['aria-label', 'title', 'placeholder'])
  for (const e of document.querySelectorAll(`.page [${name}]`)) texts.push(e.getAttribute(name));
for (const e of document.querySelectorAll('.tip')) texts.push(e.textContent);
for (const box of document.querySelectorAll('.chart > *')) {
  const chart = fieldlab.chart(box);
  if (chart) for (const shown of chart.getZr().storage.getDisplayList()) texts.push(shown.style?.text ?? '');
}
return texts.join('\\n');
"""


def all_drawn(driver: webdriver.Chrome) -> bool:
    """Whether every picture that has a size is drawn."""
    undrawn = "[...document.querySelectorAll('.drawing')].find(e => e.clientWidth && !fieldlab.chart(e))"
    return bool(driver.execute_script(f"return !{undrawn}"))


def axe(driver: webdriver.Chrome) -> list[str]:
    """What axe-core finds wrong with the page that is open: WCAG 2.2 A and AA, and its best practices."""
    driver.execute_script(AXE.read_text(encoding="utf-8"))
    found: list[str] = driver.execute_async_script(
        "axe.run(document, {resultTypes: ['violations']}).then(r => arguments[0](r.violations.map("
        "v => `${v.impact} ${v.id}: ${v.nodes.map(n => n.target + n.failureSummary).slice(0, 3)}`)))"
    )
    return found
