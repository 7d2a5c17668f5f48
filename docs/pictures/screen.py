"""Turns a terminal screen with its colours into SVG: tmux capture-pane -e -p | screen.py > PICTURE.svg"""
import html
import re
import sys
import unicodedata

COLOURS = ["#1c1c1c", "#d75f5f", "#5faf5f", "#d7af00", "#5f87d7", "#af5faf", "#5fafaf", "#d0d0d0"]
BRIGHT = ["#6c6c6c", "#ff8787", "#87d787", "#ffd75f", "#87afff", "#d787d7", "#87d7d7", "#ffffff"]
WIDTH, HEIGHT, FORE, BACK = 8.4, 17, "#d0d0d0", "#1c1c1c"


def style(codes, now):
    """What follows an SGR sequence; `now` is (colour, bold, dim, reverse)."""
    colour, bold, dim, reverse = now
    codes = codes or [0]
    if codes[:2] == [38, 5]:
        return (COLOURS + BRIGHT)[codes[2] % 16], bold, dim, reverse
    for code in codes:
        if code == 0:
            colour, bold, dim, reverse = FORE, False, False, False
        elif code == 1:
            bold = True
        elif code == 2:
            dim = True
        elif code == 7:
            reverse = True
        elif code == 22:
            bold = dim = False
        elif code == 27:
            reverse = False
        elif 30 <= code <= 37:
            colour = COLOURS[code - 30]
        elif code == 39:
            colour = FORE
        elif 90 <= code <= 97:
            colour = BRIGHT[code - 90]
    return colour, bold, dim, reverse


lines = sys.stdin.read().rstrip("\n").split("\n")
columns, shapes, texts = 0, [], []
now = (FORE, False, False, False)
for row, line in enumerate(lines):
    at = 0
    for sequence, text in re.findall(r"\x1b\[([0-9;]*)m|([^\x1b]+)", line):
        if not text:
            now = style([int(n) for n in sequence.split(";") if n], now)
            continue
        text = unicodedata.normalize("NFC", text.replace("\x0f", "").replace("\x0e", ""))
        colour, bold, dim, reverse = now
        x, y, width = at * WIDTH, row * HEIGHT, len(text) * WIDTH
        if reverse:
            shapes.append(f'<rect x="{x:.1f}" y="{y}" width="{width:.1f}" height="{HEIGHT}" fill="{colour}"/>')
            colour = BACK
        if text.strip():
            marks = (' font-weight="bold"' if bold else "") + (' opacity="0.55"' if dim else "")
            texts.append(
                f'<text x="{x:.1f}" y="{y + 13}" textLength="{width:.1f}" fill="{colour}"{marks}>{html.escape(text)}</text>'
            )
        at += len(text)
    columns = max(columns, at)
width, height = columns * WIDTH, len(lines) * HEIGHT
print(f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="-8 -8 {width + 16:.0f} {height + 16}" width="{width + 16:.0f}">')
print(f'<rect x="-8" y="-8" width="100%" height="100%" fill="{BACK}"/>')
print("\n".join(shapes))
print('<g font-family="DejaVu Sans Mono, Menlo, Consolas, monospace" font-size="14" xml:space="preserve">')
print("\n".join(texts))
print("</g></svg>")
