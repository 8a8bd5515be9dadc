ALL = ["a", "b"]
