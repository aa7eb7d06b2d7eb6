"""The page in a real browser: Debian's Chromium over Playwright, against real hosts."""
