libtorch: str
