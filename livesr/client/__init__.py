"""The other end of a daemon: finds it and asks it, for the command line and the viewer."""

from livesr.client.client import Client

__all__ = ["Client"]
