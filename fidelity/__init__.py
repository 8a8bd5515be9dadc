"""How true the parser is: what it reads from a script, next to what argparse holds when that script runs."""
