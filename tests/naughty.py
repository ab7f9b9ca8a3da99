"""Names that mean harm, after the Big List of Naughty Strings: as class folders and as files on a real disk.

A name of a file holds no slash and no NUL, and at most 255 bytes: so the public list's longest are cut.
"""

MARKUP = (
    "<script>alert(1)<x>",
    "<img src=x onerror=alert(2)>",
    "<svg onload=alert(3)>",
    '"><b onmouseover=alert(4)>bold',
    "javascript:alert(5)",
    "&lt;script&gt;alert(6)&amp;#x3C;",
    "<!--#exec cmd='ls'--> ]]> <![CDATA[",
)
FORMULAS = (
    "$$",
    "$\\frac{",
    "$x^{2$",
    "\\alpha\\",
    "_under_*star*`tick`",
    "{0}",
    "{name}",
    "%s %n %d",
)
SHELL = (
    "$(touch naughty)",
    "`id`",
    "; rm -rf .",
    "| cat",
    "-rf",
    "--help",
    "~",
    "*",
    "C:\\nul",
)
QUOTES = ("it's", '"quoted"', "'\"'", "'''", '"""', "\\", "\\n", "#comment", "a, b; c\td")
UNICODE = (
    "\u202egnp.txet thgir ot tfel",  # right-to-left override
    "مرحبا بالعالم",
    "שלום עולם",
    "\u200b\u200c\u200d\ufeff",  # nothing that is seen
    "a\u200bb",
    "ﬀ Å \u0041\u030a Ω",
    "田中さんにあげて下さい",
    "👩🏽‍🚀🇨🇳🏳️‍🌈",
    "Z͑ͫ̓ͪ̂ͫ̽͏̴̙̤̞͉͚̯̞̠͍A̴̵̜̰͔ͫ͗͢L̠ͨͧͩ͘G̴̻͈͍͔̹̑͗̎̅͛́Ǫ̵̹̻̝̳͂̌̌͘",
)
BREAKS = (
    "line\nbreak",
    "tab\there",
    "return\rhere",
    "bell\x07",
    "\x1b[31mred",
    "\u2028\u2029",
    " ",
)
WORDS = (
    "null",
    "None",
    "undefined",
    "NaN",
    "true",
    "1e999",
    "0x0",
    "CON",
    "__proto__",
    "constructor",
)
LONG = ("long " * 51, "w" * 255, "界" * 85)

NAUGHTY = (*MARKUP, *FORMULAS, *SHELL, *QUOTES, *UNICODE, *BREAKS, *WORDS, *LONG)
