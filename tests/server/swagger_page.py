"""Swagger UI as a person uses it, and what can be read on a page."""

from __future__ import annotations

from tests.browser import Tab

# The contrast of text that WCAG asks for (level AA).
READABLE = 4.5
CONTRASTS = """
() => {
  document.getAnimations().forEach(transition => transition.finish());
  const channels = color => color.match(/[\\d.]+/g).map(Number);
  const over = (top, below) => {
    const alpha = top[3] ?? 1;
    return [0, 1, 2].map(i => top[i] * alpha + below[i] * (1 - alpha));
  };
  const background = element => {
    const own = channels(getComputedStyle(element).backgroundColor);
    if ((own[3] ?? 1) === 1) return own;
    const below = element.parentElement ? background(element.parentElement) : [255, 255, 255];
    return over(own, below);
  };
  const luminance = color => {
    const [r, g, b] = color.map(value => {
      const part = value / 255;
      return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const found = {};
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    const text = walker.currentNode.textContent.trim();
    if (!text || !element.checkVisibility({ opacityProperty: true, visibilityProperty: true })) continue;
    const ground = background(element);
    const color = over(channels(getComputedStyle(element).color), ground);
    const [high, low] = [luminance(color), luminance(ground)].sort((a, b) => b - a);
    const name = `${element.tagName}.${element.className} ${text.slice(0, 30)}`;
    found[name] = Math.round((high + 0.05) / (low + 0.05) * 100) / 100;
  }
  return found;
}
"""


def operation(method: str, name: str) -> str:
    return f"[id^=operations-][id$='-{method}_{name}']"


def unfold(tab: Tab, url: str, method: str, name: str) -> str:
    """Go to a page and unfold an operation on it; returns the operation's selector."""
    tab.goto(url)
    block = operation(method, name)
    tab.click(f"{block} .opblock-summary-control")
    return block


def execute(tab: Tab, block: str) -> tuple[str, str]:
    """Send what stands in an operation's form; returns status and body of the answer, as the page shows them."""
    tab.click(f"{block} .execute")
    live = f"{block} .live-responses-table tbody .response"
    tab.wait_for(live)
    return tab.text(f"{live} > .response-col_status").split()[0], tab.text(f"{live} .response-col_description")


def pale_texts(tab: Tab) -> dict[str, float]:
    """The contrast of every text that can be seen and is hard to read."""
    contrasts: dict[str, float] = tab.run(CONTRASTS)
    assert len(contrasts) > 10
    return {name: value for name, value in contrasts.items() if value < READABLE}
