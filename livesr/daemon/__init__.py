"""The daemon: sessions started, watched and ended over HTTP, and a web page that does so.

It drives no hardware and writes no recording: each session is a process of its own (`children`),
which the daemon asks for things by files in the session's folder and knows from its journal. So a
session outlives the daemon, whatever happens to it, and the next daemon finds it again.

`folder` knows the paths, `asked` turns what is asked for into a session, `lane` runs one session
after the other, `watched` reads them, `pictures` draws overlays, `guard` refuses strangers, `api`,
`streams`, `metrics` and `site` are what is served. `client` is the other end.
"""
