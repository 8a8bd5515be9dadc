VALUE = {"a": [1, 2, {"b": None}]}["a"][2]["b"]
