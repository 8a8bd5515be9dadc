from dataclasses import dataclass, field


@dataclass(kw_only=True)
class Paths:
    input_path: str = field(metadata={"help": "Where the data is"})
    output_path: str
