"""A session as a movie: `shots` chooses the stacks, `drawn` makes each frame, `files` writes them.

Pictures come from the viewer's own composition, which needs no Qt.
"""
