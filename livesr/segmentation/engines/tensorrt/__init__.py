"""TensorRT and TensorRT-RTX, by one code path.

`graph` writes half precision into a package's ONNX, `build` compiles it into a plan for one shape,
`cache` keeps plans on disk, `execution` runs them through `card`; `engine` and `rtx` join that to
the engines' protocol, and `compiling` makes plans before a session.
"""
