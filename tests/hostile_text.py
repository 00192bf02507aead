"""Texts that a file, a peer or a person may carry, and that a page must show as they are."""

from __future__ import annotations

#: Each would be shown as something else by Streamlit's Markdown.
MARKDOWN = (
    "![scan](http://192.0.2.1/pixel.png)",
    "[read me](javascript:alert(1))",
    "<img src=http://192.0.2.1/x onerror=alert(1)>",
    "<http://192.0.2.1/a>",
    "**bold** _italics_ ~~gone~~ `code`",
    "# heading",
    "> quoted",
    "- item",
    "1. item",
    "2) item",
    "===",
    "---",
    "a | b",
    "$x^2$ and $$y$$",
    ":red[red] :blue-background[b] :small[s]",
    ":material/delete:",
    ":streamlit: :smile: :+1: :100:",
    ":-) :( ;) 8-)",
    "http://192.0.2.1 https://example.org/a www.example.org mail@example.org HTTP://192.0.2.1",
    "a -> b <- c <-> d -- e >= f <= g ~= h",
    "&amp; &#42; &copy;",
    "back\\slash \\*not\\* \\",
    "    indented",
    "[^1] [x]: http://192.0.2.1",
    "line\n\n# heading\r\n- item\u2028last",
    "T1 ax 12:30:45, 100 %, {a} [b] (c)",
    "Ünï 脳 \u202etxet",
)
