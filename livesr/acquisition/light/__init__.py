"""The light: when it is on, what switches it, and who does so when the acquisition cannot.

`rule.Light` is the one place that opens and closes it. `supervisor.Supervisor` starts a process
beside the acquisition (`watcher`), which switches it off (`dark`) when the acquisition dies or
hangs, by the few lines of the Micro-Manager configuration that are about it (`path`).
"""
