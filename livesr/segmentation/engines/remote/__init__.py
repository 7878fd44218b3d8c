"""A server's engine: the Open Inference Protocol (KServe v2) over gRPC.

engine.py     what `Engine` asks for
server.py     the connection: calls with deadlines, TLS, errors in plain words
identity.py   whether the server's model is this machine's package
wire.py       messages whose arrays are copied once
serving.py    the other side: packages run by livesr's own engines
"""
