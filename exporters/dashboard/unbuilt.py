"""What a browser sees where the page was not built: that the engine runs, and what to do."""

from string import Template
from typing import Final

_DOCUMENT: Final = Template("""<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <meta name="color-scheme" content="light dark">
    <base href="$prefix/">
    <title>Wayfold: the page is not built</title>
    <style nonce="$nonce">
      body { font: 16px/1.5 system-ui, sans-serif; max-width: 40rem; margin: 4rem auto; padding: 0 1rem; }
      code { font: 0.95em ui-monospace, monospace; }
    </style>
  </head>
  <body>
    <h1>Wayfold runs, its page is not built</h1>
    <p>Events are taken and counted, and the API answers. Only the page is missing here.</p>
    <p>In a checkout run <code>make page</code>, which says what it lacks, and start Wayfold again.
      A wheel of Wayfold has the page in it.</p>
    <p>The numbers: <a href="v1/journeys">v1/journeys</a>.
      Everything that the API has: <a href="schema">schema</a>.</p>
  </body>
</html>
""")


def unbuilt_document(nonce: str, prefix: str) -> bytes:
    """Write the document for one answer; `nonce` is that of its headers."""
    return _DOCUMENT.substitute(nonce=nonce, prefix=prefix).encode()
