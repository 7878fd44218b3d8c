"""What a session came to, on one page, from what it wrote: nothing is measured again.

`told` reads journal and tables, `lives` has the decoder hear the journalled cells again, and each
other file draws or tells one part; `page` puts them together and `write` keeps the page.
"""
