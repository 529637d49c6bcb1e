"""What the tests share: projects, wheels, indexes, misbehaving programs."""
