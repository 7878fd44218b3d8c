"""A server's engine: the Open Inference Protocol (KServe v2) over gRPC.

``engine`` is what `Engine` asks for; ``server`` the connection, with its deadlines, TLS and errors;
``identity`` whether the server's model is this machine's package; ``wire`` messages whose arrays
are copied once; ``serving`` and ``triton_backend`` the other side, run by livesr's own engines.
"""
